# shellcheck shell=bash
#
# archive.bash - packages of any Debian suite, looked at without touching this machine's sources and fetched without installing.

# archive_open SUITE FOLDER - sets $apt, an apt-get command with a view of its own of that suite in FOLDER; false, with the reason,
# when this machine knows no mirror. What is installed here does not count in it: "install --download-only" fetches all that is needed.
archive_open() {
    local suite=$1 folder=$2 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    # The mirror is the one that this machine's apt uses.
    # shellcheck disable=SC2016  # an apt-get format, not a shell one
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' |
        grep -v -- -security | head -n 1)
    [ -n "$mirror" ] || { echo "found no Debian mirror in apt's sources" >&2; return 1; }
    [ -r "$keyring" ] || { echo "$keyring is missing; install debian-archive-keyring" >&2; return 1; }
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    printf '%s [signed-by=%s] %s %s main\n' deb-src "$keyring" "$mirror" "$suite" deb "$keyring" "$mirror" "$suite" >"$folder/sources.list"
    : >"$folder/status"
    # shellcheck disable=SC2034 # for the caller
    apt=(apt-get -q -y -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::Lists="$folder/lists" -o Dir::State::status="$folder/status" -o Dir::Cache="$folder/cache"
        -o APT::Install-Recommends=0 -o APT::Sandbox::User=root -o Debug::NoLocking=true)
}
