#!/bin/sh
# Checks of the folder of the trees, and of the disks.
# shellcheck disable=SC2154 # doctor.sh is given what these read, and sets probe

# Sets `near` to the deepest folder on the way to the absolute path $1 that exists.
nearest_folder() {
  near=$1
  until [ -d "${near:-/}" ]; do near=${near%/*}; done
  near=${near:-/}
}

# Makes a folder where the later steps make theirs. Prints `value probe PATH`. Its name is known beforehand: clean_up
# removes it even if a signal ends this.
check_tree() {
  check_own "$state" "$base"
  need_owner
  nearest_folder "$state"
  check_readable "$near"
  made=${near%/}/mlcube-ssh.$id
  with_words mkdir -m 700 "$made" || problem not-writable "$state: $words"
  # A disk that gives a folder may have no room for a file.
  if ! with_words write_a_mebibyte "$made/some"; then
    rm -rf "$made"
    problem not-writable "$near: $words"
  fi
  printf 'value probe %s\n' "$made"
  printf 'found %s\n' "$near can be written"
  tell_free "$near"
}

# Removes the folder of check_tree, wherever that has made it.
remove_probe() {
  place=$state
  while :; do
    [ ! -d "$place/mlcube-ssh.$id" ] || rm -rf "$place/mlcube-ssh.$id"
    [ -n "$place" ] || return 0
    place=${place%/*}
  done
}

# A disk shows its quota when it is written.
write_a_mebibyte() { head -c 1048576 /dev/zero >"$1" && rm -f "$1"; }

# Prints what is free on the file system of $1.
tell_free() {
  numbers=$(stat -f -c '%a %S %d %c' "$1" 2>/dev/null) || return 0
  printf 'free %s %s\n' "$numbers" "$1"
}

# Checks that the home folder can be written. Nothing needs that but a mlcube that makes its own settings there.
check_home() {
  filled=$HOME/mlcube-ssh.$id-home
  trap 'rm -f "$filled"' EXIT
  trap 'exit 143' HUP INT TERM PIPE
  if with_words write_a_mebibyte "$filled"; then
    printf 'found %s\n' "$HOME can be written"
  elif [ -n "$settings" ]; then
    printf 'warning not-writable %s\n' "can't write $HOME: $words"
  else
    problem not-writable "$HOME: $words"
  fi
  tell_free "$HOME"
}

# Checks that a temporary file can be written where the steps write theirs: in the first folder that takes it.
check_temporary() {
  temporary=
  trap '[ -z "$temporary" ] || rm -rf "$temporary"' EXIT
  trap 'exit 143' HUP INT TERM PIPE
  in_temporary write_in || problem no-temporary-files "$words"
  printf 'found %s\n' "${temporary%/*} can be written"
  tell_free "${temporary%/*}"
}

write_in() { write_a_mebibyte "$1/some"; }

# Lets quota(1) tell, where it is; a disk that is full by quota refuses to be written.
check_quota() {
  # Its lines, then one with its status and its last error. It has a status of 1 for a limit that is reached, too.
  over=$(
    {
      errors=$(timeout -s KILL 5 quota -q 2>&1 >&4 4>&- </dev/null)
      status=$?
      printf 'ended %s %s\n' "$status" "$(printf '%s\n' "$errors" | tail -n 1)"
    } 4>&1
  )
  ended=${over##*ended }
  over=$(printf '%s\n' "$over" | sed -e '$d' | grep .)
  if [ -n "$over" ]; then
    printf '%s\n' "$over" | tail -n 5 | sed 's/^/warning over-quota /'
    return 0
  fi
  case $ended in
    0\ *) echo 'found no limit is reached' ;;
    137\ *) printf 'found %s\n' "quota(1) doesn't reply, so that a limit is unknown" ;;
    *) printf 'found %s\n' "quota(1) doesn't tell of limits: ${ended#* }" ;;
  esac
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
    if command -v flock >/dev/null; then
      why='no-locks its file system has no file locks'
    else
      why='no-flock the host has no flock'
    fi
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
  if [ -n "$probe" ]; then run locks check_locks; else run locks lack tree; fi
  run space-home check_home
  run space-tmp check_temporary
  ! command -v quota >/dev/null || run quota check_quota
}
