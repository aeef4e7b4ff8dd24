#!/usr/bin/env bats
setup() { load lib; restore_programs; new_namespace; }
teardown() { restore_programs; drop_namespace; }
@test "experiment: does a StatefulSet's template change reach the leader" {
    policy db
    statefulset db 3 db
    wait_for 15 one_leader db db
    local uid; uid=$(pod_uid pod/db-0)
    k patch statefulset db -p '{"spec":{"template":{"metadata":{"annotations":{"x":"y"}}}}}'
    for i in 1 2 3 4 5 6 7 8 9 10; do sleep 3; [ "$(pod_uid pod/db-0)" = "$uid" ] || { echo "REPLACED after $i"; false; }; done
    echo "SAME after 30 s"; k get statefulset db -o yaml | grep -A12 ^status; false
}
