#!/usr/bin/env bats
#
# tls.bats - certificates that change, as kubelet, cert-manager and zen-lead-certs change them, under real clients.
#
#   ZL_ROTATIONS          how often the certificate changes under load (20)
#   ZL_ROTATION_SECONDS   from one to the next (0.5); the whole minute is ZL_ROTATIONS=60 ZL_ROTATION_SECONDS=1

load lib

setup() {
    restore_programs
    new_namespace
    volume=$ZL_RUN/tls
    cp -r "$volume" "$BATS_TEST_TMPDIR/original"
    as_volume
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    process_stop admissions || true
    process_stop load || true
    process_stop webhook-4 || true
    rm -rf "$volume"
    cp -r "$BATS_TEST_TMPDIR/original" "$volume.new"
    mv "$volume.new" "$volume"
    drop_namespace
    kubectl delete secret zen-lead-webhook-tls -n zen-lead-system --ignore-not-found
    # shellcheck disable=SC2154 # of programs.bash
    kubectl delete --ignore-not-found -f "$zl_root/manifests/self-signed/rbac.yaml"
    for n in 1 2 3; do wait_for 60 is "$(serial "$volume/tls.crt")" shown "webhook-$n"; done
    # The CA that signed it.
    [ "$(trusted)" = 1 ] || arm_gatekeeper "$(port_of proxy)"
}

explain_area() {
    for n in 1 2 3 4; do log_tail "webhook-$n"; done
    log_tail load
}

# --- key pairs ------------------------------------------------------------------------------------

# new_pair FOLDER - a new pair of the same CA.
new_pair() {
    mkdir -p "$1"
    cp "$BATS_TEST_TMPDIR/original/"ca.* "$1"
    "$ZL_BIN/zen-lead-certs" --out-dir "$1" --force --ip 127.0.0.1 --dns-name zen-lead-webhook.zen-lead-system.svc 2>/dev/null
}

# expired_pair FOLDER - one that was valid for a day, long ago.
expired_pair() {
    new_pair "$1"
    cat >"$1/conf" <<CONF
[ca]
default_ca = it
[it]
database = $1/database
new_certs_dir = $1
policy = any
rand_serial = yes
[any]
organizationName = optional
commonName = optional
CONF
    touch "$1/database"
    openssl req -new -key "$1/tls.key" -subj /CN=expired -out "$1/tls.csr"
    openssl ca -batch -notext -config "$1/conf" -in "$1/tls.csr" -cert "$1/ca.crt" -keyfile "$1/ca.key" -md sha256 \
        -startdate 20200101000000Z -enddate 20200102000000Z -out "$1/tls.crt" 2>"$1/log" || cat "$1/log"
    grep -q BEGIN "$1/tls.crt"
}

# --- the volume -----------------------------------------------------------------------------------

# as_volume - make of the folder what kubelet makes of a Secret: files are links through ..data.
as_volume() {
    version=0
    swap "$BATS_TEST_TMPDIR/original"
    for name in tls.crt tls.key ca.crt; do
        ln -s "..data/$name" "$volume/.$name"
        mv -T "$volume/.$name" "$volume/$name"
    done
}

# swap FOLDER - what kubelet does when the Secret has changed: all files change in one rename.
swap() {
    local old=$volume/..version-$version
    version=$((version + 1))
    mkdir "$volume/..version-$version"
    cp "$1"/{tls.crt,tls.key,ca.crt} "$volume/..version-$version"
    ln -s "..version-$version" "$volume/..data_tmp"
    mv -T "$volume/..data_tmp" "$volume/..data"
    rm -rf "$old"
}

# rotate COUNT - one pair after the other, a tick apart and each seen in use everywhere; then "rotated" holds the milliseconds
# that it took. False, and "rotated" is there as well, when one was never used.
rotate() {
    local n start due tick_us result=0
    tick_us=$(awk -v s="${ZL_ROTATION_SECONDS:-0.5}" 'BEGIN { printf "%d", s * 1000000 }')
    start=${EPOCHREALTIME/./}
    for n in $(seq "$1"); do
        swap "$BATS_TEST_TMPDIR/$n"
        wait_for 30 all_show "$BATS_TEST_TMPDIR/$n" || result=1
        due=$((start + n * tick_us))
        while [ "${EPOCHREALTIME/./}" -lt "$due" ]; do sleep 0.02; done # the pace is what is tested
    done
    echo $(((${EPOCHREALTIME/./} - start) / 1000)) >"$BATS_TEST_TMPDIR/rotated.new"
    mv "$BATS_TEST_TMPDIR/rotated.new" "$BATS_TEST_TMPDIR/rotated"
    return "$result"
}

serial() { openssl x509 -in "$1" -noout -serial; }

# shown PROGRAM [OPTION...] - the serial number of the certificate that a new connection is shown.
shown() {
    local name=$1
    shift
    openssl s_client -connect "127.0.0.1:$(port_of "$name")" "$@" </dev/null 2>/dev/null | openssl x509 -noout -serial
}

all_show() {
    local n
    for n in 1 2 3; do is "$(serial "$1/tls.crt")" shown "webhook-$n" || return 1; done
}

readyz() { curl -s --noproxy '*' -m 2 "http://127.0.0.1:$(port_of "$1-metrics")/readyz"; }
says() { readyz "$1" | grep -qE "$2"; }

reloads() { metric "$1" zen_lead_certificate_reloads_total "result=\"$2\""; }

# as_kubelet - bring the Secret into the volume. A kubelet comes round about once a minute; this one comes soon, but the API
# server too must first have heard what it is to trust.
as_kubelet() {
    local name folder=$BATS_TEST_TMPDIR/synced
    sleep 2
    mkdir -p "$folder"
    for name in tls.crt tls.key ca.crt; do
        kubectl get secret zen-lead-webhook-tls -n zen-lead-system -o json | jq -r --arg name "$name" '.data[$name] | @base64d' >"$folder/$name"
    done
    swap "$folder"
}

# --- what it does to others -----------------------------------------------------------------------

start_load() {
    rm -f "$ZL_RUN/log/load.log"
    ZL_KEEP_JOB=1 process_start load "$ZL_BIN/zl-tls-load" "https://127.0.0.1:$(port_of proxy)$(review_path)" \
        "$BATS_TEST_TMPDIR/original/ca.crt" "$zl_root/test/data/review-pod-create.json" "$1" "$2"
}

# stop_load - and say what came of it: "requests N fresh F reconnects R failed E"
stop_load() {
    process_stop load
    tail -n 20 "$ZL_RUN/log/load.log"
}

open_files() { find "/proc/$(process_pid "$1")/fd" -mindepth 1 2>/dev/null | wc -l; }
resident_kib() { awk '/^VmRSS/ {print $2}' "/proc/$(process_pid "$1")/status"; }
# A few more may belong to connections that end on their own time.
# One for each of 20 changes would be a leak; some connections more or less are the API server's affair.
few_open_files() { [ "$(open_files "$1")" -le $(($2 + 8)) ]; }
is_sanitized() { [[ $ZL_BIN == */san-* ]]; }

pod_manifest() {
    echo '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"plain-"},"spec":{"containers":[{"name":"main","image":"none"}]}}'
}
# The namespace must have a LeaderPolicy, or the webhook is not asked.
pod() { pod_manifest | k create -f -; }

claims() { webhook_decisions 'reason="claimed"'; }
# What an owner says when the API server could not ask the webhook.
unanswered() { k get events -o json | jq '[.items[].message | select(contains("failed calling webhook"))] | length'; }

# admitted_since - the API server has asked about further pods from now on.
admitted_since() {
    local lines
    lines=$(wc -l <"$ZL_RUN/log/admissions.log")
    wait_for 60 at_least $((lines + 3)) line_count "$ZL_RUN/log/admissions.log"
}
line_count() { wc -l <"$1"; }

# renew [OPTION...] - zen-lead-certs with the rights and options of manifests/self-signed; no Service leads here.
renew() {
    "$ZL_BIN/zen-lead-certs" --kubeconfig "$ZL_RUN/certs.kubeconfig" --service zen-lead-webhook --namespace zen-lead-system \
        --secret zen-lead-webhook-tls --webhook-configuration zen-lead --ip 127.0.0.1 "$@"
}

# trusted - how many CAs each entry of the webhook configuration names.
trusted() {
    kubectl get validatingwebhookconfiguration zen-lead -o json |
        jq '[.webhooks[].clientConfig.caBundle | @base64d | [scan("BEGIN CERTIFICATE")] | length] | unique | if length == 1 then .[0] else -1 end'
}

# The API server needs a moment to know of a role.
may_renew() {
    kubectl auth can-i patch validatingwebhookconfigurations/zen-lead --as system:serviceaccount:zen-lead-system:zen-lead-certs &&
        kubectl auth can-i get secrets/zen-lead-webhook-tls -n zen-lead-system --as system:serviceaccount:zen-lead-system:zen-lead-certs
}

can_shake_hands() { openssl s_client -connect "127.0.0.1:$(port_of webhook-4)" "$@" </dev/null >/dev/null 2>&1; }

refused_webhook() {
    timeout 60 "$ZL_BIN/zen-lead-webhook" --kubeconfig "$ZL_RUN/webhook.kubeconfig" --port 0 --metrics-port 0 \
        --cert-file "$volume/tls.crt" --key-file "$volume/tls.key" "$@" 2>&1
}

# --- the tests ------------------------------------------------------------------------------------

@test "a new certificate is shown to new connections at once, however the files were changed" {
    local t=$BATS_TEST_TMPDIR pair
    for pair in swapped recreated rewritten; do new_pair "$t/$pair"; done
    swap "$t/swapped"
    wait_for 20 all_show "$t/swapped"
    rm "$volume/tls.crt" "$volume/tls.key"
    cp "$t/recreated/"tls.* "$volume"
    wait_for 20 all_show "$t/recreated"
    cat "$t/rewritten/tls.key" >"$volume/tls.key"
    cat "$t/rewritten/tls.crt" >"$volume/tls.crt"
    wait_for 20 all_show "$t/rewritten"
    # A moment after it is shown.
    wait_for 20 is "$(date -d "$(openssl x509 -in "$volume/tls.crt" -noout -enddate | cut -d= -f2)" +%s)" \
        metric webhook-1 zen_lead_certificate_expiration_timestamp_seconds
    wait_for 20 is ok readyz webhook-1
}

@test "half-written, wrong, expired or missing: the one before goes on, and log, metric and /readyz say why" {
    local t=$BATS_TEST_TMPDIR before
    new_pair "$t/good"
    new_pair "$t/other"
    expired_pair "$t/expired"
    swap "$t/good"
    wait_for 20 all_show "$t/good"
    before=$(reloads webhook-1 invalid)
    policy any
    start_load 1 1

    mkdir "$t/half" "$t/mixed"
    cp "$t/good/"{tls.key,ca.crt} "$t/half"
    head -c 300 "$t/other/tls.crt" >"$t/half/tls.crt"
    swap "$t/half"
    wait_for 20 says webhook-1 '^warning: certificate: .*tls.crt, .*not PEM text with a BEGIN CERTIFICATE'
    cp "$t/good/"{tls.key,ca.crt} "$t/mixed"
    cp "$t/other/tls.crt" "$t/mixed"
    swap "$t/mixed"
    wait_for 20 says webhook-1 '^warning: certificate: .*tls.key: the TLS key does not belong to the certificate'
    wait_for 20 is $((before + 2)) reloads webhook-1 invalid # each once, a moment after it is said
    swap "$t/expired"
    wait_for 20 says webhook-1 '^warning: certificate: .*tls.crt expired at 2020-01-02T00:00:00Z: .*zen-lead-certs'
    wait_for 20 at_least 1 reloads webhook-1 expired
    rm "$volume/tls.key"
    wait_for 20 says webhook-1 '^warning: certificate: .*tls.key: No such file'

    all_show "$t/good"
    says webhook-1 '^ok$'
    wait_for 20 at_least 3 grep -c 'certificate not reloaded: the one before stays in use' "$ZL_RUN/log/webhook-1.log"
    pod
    expect "what the clients met" "$(stop_load | grep -oE 'reconnects.*')" = "reconnects 0 failed 0"

    ln -s ..data/tls.key "$volume/tls.key"
    swap "$t/other"
    wait_for 20 all_show "$t/other"
    wait_for 20 is ok readyz webhook-1
}

@test "no certificate, or one that has expired: not ready with the reason, and ready as soon as there is a good one" {
    local t=$BATS_TEST_TMPDIR mine
    mine=$t/mine
    mkdir "$mine"
    start_webhook 4 --cert-file "$mine/tls.crt" --key-file "$mine/tls.key"
    wait_for 10 says webhook-4 '^not ready: certificate: .*/tls.crt: No such file'
    expect "status of /readyz" "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' "http://127.0.0.1:$(port_of webhook-4-metrics)/readyz")" = 503
    answers "http://127.0.0.1:$(port_of webhook-4-metrics)/healthz"
    expired_pair "$t/expired"
    cp "$t/expired/"tls.{key,crt} "$mine"
    wait_for 20 says webhook-4 '^not ready: certificate: .*tls.crt expired at 2020-01-02T00:00:00Z'
    wait_for 20 is 1577923200 metric webhook-4 zen_lead_certificate_expiration_timestamp_seconds
    new_pair "$t/good"
    cp "$t/good/"tls.{key,crt} "$mine"
    await_ready webhook-4
    is "$(serial "$t/good/tls.crt")" shown webhook-4
}

@test "the certificate changes again and again under load: no failed request, no dropped connection, no leak" {
    local t=$BATS_TEST_TMPDIR n result
    local -a loaded files memory
    policy any
    deployment web 3 any
    wait_for 60 one_leader web any
    start_load 2 4
    # Everything has been allocated once before it is measured.
    for n in 1 2 3 4 5; do
        new_pair "$t/warm-$n"
        swap "$t/warm-$n"
        wait_for 20 all_show "$t/warm-$n"
    done
    for n in 1 2 3; do
        files[n]=$(open_files "webhook-$n")
        memory[n]=$(resident_kib "webhook-$n")
        loaded[n]=$(reloads "webhook-$n" loaded)
    done
    local rotations=${ZL_ROTATIONS:-20} claims rotator pods=0
    claims=$(claims)
    for n in $(seq "$rotations"); do new_pair "$t/$n"; done
    rotate "$rotations" 3>&- &
    rotator=$!
    # On a busy machine few of these fit between the changes; three leaders there must be.
    while [ ! -e "$t/rotated" ] || { [ $(($(claims) - claims)) -lt 3 ] && [ "$pods" -lt 100 ]; }; do
        pod # the API server is a client too; this fails when it cannot ask
        k delete pod -l app=web --wait=false
        pods=$((pods + 1))
    done
    wait "$rotator"
    wait_for 20 all_show "$t/$rotations"
    result=$(stop_load)
    {
        echo "# $rotations changes in $(cat "$t/rotated") ms: $result; API server: $pods plain pods, $(($(claims) - claims)) leaders"
        for n in 1 2 3; do
            echo "# webhook-$n: reloads $(($(reloads "webhook-$n" loaded) - loaded[n])), open files ${files[n]}, then" \
                "$(open_files "webhook-$n"), resident KiB ${memory[n]}, then $(resident_kib "webhook-$n")"
        done
    } >&3
    expect "what the clients met" "$(grep -oE 'reconnects.*' <<<"$result")" = "reconnects 0 failed 0"
    expect "leaders that the API server asked about" $(($(claims) - claims)) -ge 3
    expect "reviews without an answer" "$(unanswered)" -eq 0
    expect "handshakes" "$(grep -oE 'fresh [0-9]+' <<<"$result" | cut -d' ' -f2)" -ge $((rotations * 3))
    for n in 1 2 3; do
        wait_for 5 at_least $((loaded[n] + rotations)) reloads "webhook-$n" loaded
        wait_for 20 few_open_files "webhook-$n" "${files[n]}"
        is_sanitized || expect "growth in KiB" $(($(resident_kib "webhook-$n") - memory[n])) -lt 4096
    done
}

@test "zen-lead-certs renews certificate and CA ahead of time: the API server trusts both, and no admission fails" {
    local t=$BATS_TEST_TMPDIR first
    policy any
    kubectl apply -f "$zl_root/manifests/self-signed/rbac.yaml"
    wait_for 20 may_renew
    kubectl create secret generic zen-lead-webhook-tls -n zen-lead-system --type kubernetes.io/tls \
        --from-file "$t/original/tls.crt" --from-file "$t/original/tls.key" --from-file "$t/original/ca.crt" --from-file "$t/original/ca.key"
    rm -f "$ZL_RUN/log/admissions.log"
    process_start admissions bash -c "while kubectl --namespace $NS create --dry-run=server -f - <<<'$(pod_manifest)'; do :; done; echo FAILED"

    # Without its key a CA signs no more: a new one, made so that it and its certificate end within a day.
    kubectl patch secret zen-lead-webhook-tls -n zen-lead-system --type merge -p '{"data":{"ca.key":null}}'
    renew --ca-validity-days 1 --validity-days 1 --renew-before-days 0
    expect "CAs that are trusted" "$(trusted)" -eq 2
    admitted_since
    as_kubelet
    wait_for 20 all_show "$t/synced"
    admitted_since

    # The daily run: both have less than 30 days left.
    first=$(serial "$t/synced/ca.crt")
    renew
    expect "CAs that are trusted" "$(trusted)" -eq 2
    admitted_since
    as_kubelet
    wait_for 20 all_show "$t/synced"
    admitted_since
    is_not "$first" serial "$t/synced/ca.crt"
    openssl verify -CAfile "$t/synced/ca.crt" -verify_ip 127.0.0.1 "$t/synced/tls.crt"
    openssl x509 -in "$t/synced/tls.crt" -noout -checkend $((300 * 86400))

    ! grep -v created "$ZL_RUN/log/admissions.log" || fail "an admission failed"
}

@test "TLS versions and cipher suites are those of the options, and unknown ones are refused at the start" {
    local suite=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    start_webhook 4 --tls-min-version 1.3
    await_ready webhook-4
    can_shake_hands -tls1_3
    ! can_shake_hands -tls1_2 || fail "TLS 1.2 was spoken"
    stop_webhook 4
    start_webhook 4 --tls-min-version VersionTLS12 --tls-cipher-suites "$suite"
    await_ready webhook-4
    can_shake_hands -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384
    ! can_shake_hands -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256 || fail "a suite that was not named was spoken"
    can_shake_hands -tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384
    ! can_shake_hands -tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256 || fail "a suite that was not named was spoken"
    ! can_shake_hands -tls1_1 || fail "TLS 1.1 was spoken"
    stop_webhook 4

    run refused_webhook --tls-cipher-suites "$suite,TLS_RSA_WITH_AES_128_CBC_SHA"
    expect "exit status" "$status" -eq 1
    [[ $output == *'--tls-cipher-suites: \"TLS_RSA_WITH_AES_128_CBC_SHA\" is no cipher suite with forward secrecy'* ]]
    run refused_webhook --tls-min-version 1.1
    expect "exit status" "$status" -eq 2
    [[ $output == *"--tls-min-version"*"1.2"* ]]
}
