#!/usr/bin/env bats
#
# input.bats - bad input to the running webhook. After each, it answers a good review correctly.

load lib

setup() {
    restore_programs
    new_namespace
    port=$(port_of webhook-1)
    url=https://127.0.0.1:$port
    path=$(review_path)
    good=$BATS_TEST_TMPDIR/good.json
    review good-uid >"$good"
}

# review UID [OBJECT] - a review of a pod without an owner, which is always allowed.
review() {
    local object=${2:-'{"metadata":{"name":"a","uid":"b","namespace":"c"}}'}
    cat <<REVIEW
{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"$1",
 "kind":{"group":"","version":"v1","kind":"Pod"},"resource":{"group":"","version":"v1","resource":"pods"},
 "operation":"CREATE","namespace":"$NS","userInfo":{"username":"test"},"object":$object}}
REVIEW
}

call() { curl -s --noproxy '*' -m 20 --cacert "$ZL_RUN/tls/ca.crt" "$@"; }

# send BODY-FILE [CURL-OPTION...] - prints the HTTP status; the answer is in $BATS_TEST_TMPDIR/answer.
send() {
    local file=$1
    shift
    call -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' -H "Content-Type: ${TYPE:-application/json}" "$@" \
        --data-binary "@$file" "$url$path" || true
}

answer() { jq -r "$1" "$BATS_TEST_TMPDIR/answer"; }

still_answers() {
    expect "status of a good review" "$(send "$good")" = 200
    expect "its uid" "$(answer .response.uid)" = good-uid
    expect "its verdict" "$(answer .response.allowed)" = true
}

# refused STATUS BODY - text bodies that carry no uid are an HTTP error with a reason.
refused() {
    printf '%s' "$2" >"$BATS_TEST_TMPDIR/body"
    expect "status for: ${2:0:60}" "$(send "$BATS_TEST_TMPDIR/body")" = "$1"
    expect "length of the reason" "$(wc -c <"$BATS_TEST_TMPDIR/answer")" -gt 10
    still_answers
}

@test "truncated, empty and foreign bodies are refused with a reason" {
    refused 400 ""
    refused 400 "$(head -c 150 "$good")"
    refused 400 "null"
    refused 400 "[]"
    refused 400 "not json"
    refused 400 "{\"a\":1}"
    refused 400 "$(cat "$good") trailing"
    refused 400 '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}'
    refused 400 '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":""}}'
}

@test "nesting of 10 and of 100000 levels: one is read, the other refused" {
    local depth
    depth=$(printf '{"a":%.0s' {1..10})1$(printf '}%.0s' {1..10})
    review deep "{\"metadata\":{\"name\":\"a\",\"uid\":\"b\"},\"spec\":$depth}" >"$BATS_TEST_TMPDIR/deep"
    expect "10 levels" "$(send "$BATS_TEST_TMPDIR/deep")" = 200
    head -c 100000 /dev/zero | tr '\0' '[' >"$BATS_TEST_TMPDIR/deep"
    expect "100000 levels" "$(send "$BATS_TEST_TMPDIR/deep")" = 400
    still_answers
}

@test "30 MB are refused with 413, with and without a declared length" {
    { printf '{"a":"'; head -c 30000000 /dev/zero | tr '\0' x; printf '"}'; } >"$BATS_TEST_TMPDIR/large"
    # A client that does not read for a second while it still sends may find the connection reset; the next time it reads.
    wait_for 30 is 413 send "$BATS_TEST_TMPDIR/large" -H 'Expect:'
    expect "chunked" "$(send "$BATS_TEST_TMPDIR/large" -H 'Expect:' -H 'Transfer-Encoding: chunked')" = 413
    still_answers
}

@test "what has a uid is answered as an AdmissionReview that says what is wrong" {
    local change
    for change in '.kind = "Pod"' '.apiVersion = "admission.k8s.io/v1beta1"' '.apiVersion = "v1"' \
        'del(.request.object)' '.request.object = "text"' '.request.operation = "PATCH"' \
        'del(.request.operation)' 'del(.request.resource)' '.request.object = null'; do
        jq "$change" "$good" >"$BATS_TEST_TMPDIR/bad"
        expect "status after $change" "$(send "$BATS_TEST_TMPDIR/bad")" = 200
        expect "uid after $change" "$(answer .response.uid)" = good-uid
        expect "verdict after $change" "$(answer .response.allowed)" = false
        expect "code after $change" "$(answer .response.status.code)" = 400
        expect "length of the message after $change" "$(answer '.response.status.message | length')" -gt 10
    done
    still_answers
}

@test "reviews of other things are allowed: another operation, resource or subresource" {
    local change
    for change in '.request.operation = "UPDATE"' '.request.operation = "DELETE" | .request.object = null' \
        '.request.resource.resource = "services"' '.request.subResource = "binding"' \
        '.request.operation = "CONNECT" | .request.object = null'; do
        jq "$change" "$good" >"$BATS_TEST_TMPDIR/other"
        expect "status after $change" "$(send "$BATS_TEST_TMPDIR/other")" = 200
        expect "verdict after $change" "$(answer .response.allowed)" = true
    done
}

@test "wrong method, path and content type are 405, 404 and 415" {
    expect "GET of the path" "$(call -o /dev/null -w '%{http_code}' "$url$path")" = 405
    expect "POST /validate" "$(call -o /dev/null -w '%{http_code}' -d '{}' "$url/validate")" = 404
    expect "POST /" "$(call -o /dev/null -w '%{http_code}' -d '{}' "$url/")" = 404
    expect "POST /healthz" "$(call -o /dev/null -w '%{http_code}' -d '{}' "$url/healthz")" = 405
    expect "text/plain" "$(TYPE=text/plain send "$good")" = 415
    expect "GET /readyz" "$(call -o /dev/null -w '%{http_code}' "$url/readyz")" = 200
    still_answers
}

@test "plain HTTP on the TLS port and garbage bytes get no answer and do no harm" {
    run call "http://127.0.0.1:$port$path"
    [ "$status" -ne 0 ]
    head -c 5000 /dev/urandom >"/dev/tcp/127.0.0.1/$port" || true
    run openssl s_client -connect "127.0.0.1:$port" -tls1_1 </dev/null
    [ "$status" -ne 0 ]
    still_answers
}

@test "a request that trickles in is cut, and good ones are answered meanwhile" {
    local started=$EPOCHSECONDS
    trap '' PIPE # it may be cut just before the next byte
    coproc SLOW { openssl s_client -quiet -connect "127.0.0.1:$port" 2>/dev/null; }
    local slow=$SLOW_PID
    printf 'POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n' "$path" >&"${SLOW[1]}"
    for _ in $(seq 60); do
        kill -0 "$slow" 2>/dev/null || break
        { printf '{' >&"${SLOW[1]}"; } 2>/dev/null || break
        still_answers
        sleep 0.3
    done
    wait_for 10 process_ended "$slow"
    # After 10 s, if this test is not busy elsewhere; an idle connection would have 120.
    expect "seconds until it was cut" $((EPOCHSECONDS - started)) -le 60
    still_answers
}

process_ended() { ! kill -0 "$1" 2>/dev/null; }

@test "broken kubeconfigs: both programs say file, field and cure, and exit with 1" {
    local program text expected
    while IFS='|' read -r text expected; do
        printf '%b' "$text" >"$BATS_TEST_TMPDIR/kubeconfig"
        for program in webhook controller; do
            run timeout 60 "$ZL_BIN/zen-lead-$program" --kubeconfig "$BATS_TEST_TMPDIR/kubeconfig" \
                --metrics-port 0
            expect "exit status of $program for: $text" "$status" -eq 1
            [[ $output == *"$expected"* ]] || fail "$program for \"$text\": $output"
        done
    done <<'KUBECONFIGS'
|empty
{|kubeconfig
kind: Pod|kind
apiVersion: v1\nkind: Config|current-context
current-context: a|context
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]|cluster
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "https://x"}}]|user
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {}}]\nusers: [{name: u, user: {}}]|server
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "ftp://x"}}]\nusers: [{name: u, user: {}}]|server
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "https://x", certificate-authority-data: "%"}}]\nusers: [{name: u, user: {}}]|certificate-authority-data
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "https://x", certificate-authority: /no/such/file}}]\nusers: [{name: u, user: {}}]|/no/such/file
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "https://x"}}]\nusers: [{name: u, user: {exec: {command: aws}}}]|exec
current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "https://x"}}]\nusers: [{name: u, user: {auth-provider: {name: gcp}}}]|auth-provider
KUBECONFIGS
}
