#!/bin/sh
# Checks of the folder of the trees, and of the disks.
# shellcheck disable=SC2154 # doctor.sh is given what these read, and sets probe

# Makes a folder where the later steps make theirs. Prints `probe PATH`.
check_tree() {
  check_own "$state" "$base"
  need_owner
  near=$state
  until [ -d "$near" ]; do
    near=${near%/*}
    [ -n "$near" ] || near=/
  done
  check_readable "$near"
  made=$(umask 077 && mktemp -d "$near/mlcube-ssh.XXXXXX" 2>&1) || problem not-writable "$state: $(last_line "$made")"
  # A disk that gives a folder may have no room for a file.
  if ! with_words fill "$made/some"; then
    rm -rf "$made"
    problem not-writable "$near: $words"
  fi
  printf 'probe %s\n' "$made"
  printf 'found %s\n' "$near can be written"
  tell_free "$near"
}

last_line() { printf '%s\n' "$1" | tail -n 1; }

# Writes 1 MiB: a disk shows its quota when it is written.
fill() { head -c 1048576 /dev/zero >"$1" && rm -f "$1"; }

# Prints what is free on the file system of $1.
tell_free() {
  numbers=$(stat -f -c '%a %S %d %c' "$1" 2>/dev/null) || return 0
  printf 'free %s %s\n' "$numbers" "$1"
}

# Checks that a file can be written in the folder $1.
check_space() {
  filled=$(mktemp "$1/mlcube-ssh.XXXXXX" 2>&1) || problem not-writable "$1: $(last_line "$filled")"
  if ! with_words fill "$filled"; then
    rm -f "$filled"
    problem not-writable "$1: $words"
  fi
  tell_free "$1"
}

# A quota is told by quota(1), where it is; a disk that is full by quota refuses to be written.
check_quota() {
  over=$(timeout -s KILL 5 quota -q 2>/dev/null </dev/null | grep .) || {
    echo 'found no limit is reached'
    return 0
  }
  printf '%s\n' "$over" | tail -n 5 | while IFS= read -r line; do printf 'warning %s\n' "$line"; done
}

# Takes the lock that the steps take before they change anything.
check_locks() {
  try_guard "$probe/locks"
  case $? in
    0) ;;
    2) problem locks-hang "$probe/locks" ;;
    *) problem not-writable "$probe/locks: $words" ;;
  esac
  if [ -n "$guard" ]; then
    if command -v flock >/dev/null; then why='its file system has no file locks'; else why='the host has no flock'; fi
    printf 'warning %s\n' "$why, so links take their place in ${probe%/*}; after a crash one may have to be removed by hand"
  else
    printf 'found %s\n' "file locks work in ${probe%/*}"
  fi
  unguard_locks
}

check_listing() {
  know_find
  printf 'found %s\n' "folders are listed by ${find_python:-find}"
}

# What a step asks for before it transfers files. The transfer itself is the client's.
check_rsync() {
  need_rsync
  echo 'found rsync'
}

tree_checks() {
  run transfer check_rsync
  run listing check_listing
  [ -z "$probe" ] || run locks check_locks
  run space-home check_space "$HOME"
  for temporary in /var/tmp "${TMPDIR:-}" /tmp; do
    if [ -d "$temporary" ]; then
      run space-tmp check_space "$temporary"
      break
    fi
  done
  ! command -v quota >/dev/null || run quota check_quota
}
