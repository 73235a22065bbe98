# Sourced by the other scripts: the Debian packages by purpose, installing what is missing, building.
# Sets `root` to the source folder. Works from any folder, as root or through sudo, without a terminal.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# What the release build and the server need.
build_packages=(
  g++ cmake ninja-build pkg-config
  libpoco-dev libboost1.81-dev libboost-context1.81-dev libpugixml-dev libsqlite3-dev libcli11-dev
  libsodium-dev libssl-dev prometheus-cpp-dev libutf8proc-dev libarchive-dev
)

# What the tests need on top: the test libraries and the real clients.
test_packages=(
  libgtest-dev libgmock-dev
  ca-certificates curl openssl litmus cadaver rclone davfs2 fuse3 libxml2-utils strace
  lftp davix git
  nginx-light apache2-bin caddy haproxy patch systemd unzip
  libfuse3-dev mount e2fsprogs xfsprogs btrfs-progs
  libclang-rt-14-dev libxml2-dev
  chromium
)

# What scripts/fuzz needs: the targets' compiler, and a second opinion on XML.
fuzz_packages=(clang libclang-rt-14-dev libxml2-dev)
# What scripts/tidy needs.
tidy_packages=(clang clang-tidy)

# Clients that scripts/clients alone tries: a desktop's, an office's, a script's, a browser's.
clients_packages=(
  gvfs gvfs-backends gvfs-daemons libglib2.0-bin dbus-daemon
  python3-webdavclient libreoffice-writer-nogui python3-uno duplicity
  chromium nextcloud-desktop-cmd owncloud-client-cmd
)
fresh_packages=(debootstrap git curl)
mutants_packages=(git patch)

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# ensure_packages NAME...: installs those that are missing; asks nobody and touches nothing else.
ensure_packages() {
  local installed name log
  local missing=()
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  for name in "$@"; do
    grep -qx "$name installed" <<<"$installed" || missing+=("$name")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0

  echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update \
    >"$log" 2>&1 </dev/null; then
    cat "$log"
    rm -f "$log"
    echo "apt-get update failed" >&2
    return 1
  fi
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "${missing[@]}" 2>&1 </dev/null |
    tee "$log" | awk '
      /newly installed/ { print "  " $0; fflush() }
      /^Setting up/ && ++done % 25 == 0 { print "  " done " packages set up"; fflush() }'; then
    tail -n 40 "$log"
    rm -f "$log"
    echo "apt-get install failed" >&2
    return 1
  fi
  rm -f "$log"
}

# ensure_page_tools: what checks the page, in web/node_modules: the versions of web/package-lock.json, from
# npm's registry. The server is built without them.
ensure_page_tools() {
  local stamp="$root/web/node_modules/.lock-of-these"
  command -v node >/dev/null && command -v npm >/dev/null || ensure_packages nodejs npm
  ! cmp -s "$root/web/package-lock.json" "$stamp" || return 0
  echo "Installing the packages of web/package-lock.json"
  (cd "$root/web" && npm ci --no-audit --no-fund --ignore-scripts --loglevel error)
  cp "$root/web/package-lock.json" "$stamp"
}

# build PRESET [TARGET...]: configures when that has not been done with the present presets, then
# builds with progress.
build() {
  local preset=$1 folder="$root/build/$1"
  shift
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  (
    cd "$root"
    export NINJA_STATUS='[%f/%t %es] '
    if [ ! -f "$folder/build.ninja" ] || [ CMakePresets.json -nt "$folder/build.ninja" ]; then
      echo "Configuring build/$preset"
      mkdir -p "$folder"
      if ! cmake --preset "$preset" >"$folder/configure-output.txt" 2>&1; then
        cat "$folder/configure-output.txt"
        exit 1
      fi
    fi
    cmake --build "build/$preset" "${targets[@]}"
  )
}

# run_ctest PRESET[,PRESET] [ARGUMENT...]: runs the tests of these builds in parallel, and prints one
# closing line from ctest's own reports. Fails when a test failed or none ran.
run_ctest() {
  local presets=${1//,/ } preset
  shift
  local passed=0 failed=0 skipped=0
  for preset in $presets; do run_ctest_in "$preset" "$@"; done
  if [ "${HOLDFAST_REQUIRE_ALL:-0}" = 1 ] && [ "$skipped" -gt 0 ]; then
    echo "HOLDFAST_REQUIRE_ALL=1: the skipped tests count as failed"
    failed=$((failed + skipped)) skipped=0
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# run_ctest_in PRESET [ARGUMENT...]: adds to the counts of run_ctest.
run_ctest_in() {
  local folder="$root/build/$1"
  shift
  local report="$folder/ctest-report.xml" log="$folder/ctest-output.txt"
  rm -f "$report"
  # More tests at once than there are processors, because many of them wait for a client or a disk.
  # ctest's own closing line is left out: ours, in one form for every caller, is the last.
  local status=0
  ctest --test-dir "$folder" --output-junit "$report" --output-on-failure \
    --parallel "$(($(nproc) + 1))" "$@" </dev/null 2>&1 |
    tee "$log" | grep -v '% tests passed, ' || status=${PIPESTATUS[0]}
  if grep -q '^No tests were found' "$log"; then return; fi
  if [ ! -s "$report" ]; then
    echo "ctest left no report" >&2
    failed=$((failed + 1))
    return
  fi
  local bad none not_started
  bad=$(report_number failures)
  none=$(($(report_number skipped) + $(report_number disabled)))
  # The report counts a test that could not be started among the skipped ones.
  not_started=$(grep -c '[*][*][*]Not Run  ' "$log") || true
  bad=$((bad + not_started)) none=$((none - not_started))
  passed=$((passed + $(report_number tests) - bad - none))
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  failed=$((failed + bad)) skipped=$((skipped + none))
}

# report_number ATTRIBUTE: a count from the head of the report that run_ctest_in names.
report_number() {
  awk -v name="$1" '
    /<testsuite/ { inside = 1 }
    inside && match($0, "[ \t]" name "=\"[0-9]+\"") {
      text = substr($0, RSTART, RLENGTH); gsub(/[^0-9]/, "", text); print text; exit
    }
    inside && />/ { exit }' "$report"
}

# What the sanitizers do in every test: stop at the first finding, find leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:-halt_on_error=1:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}"
