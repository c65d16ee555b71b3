#!/bin/sh
# The incoming folder of a push: files that aren't in their places yet. Every push has a folder of its own, and holds a
# lock in it while its session lasts. Needs jobs.sh.

# shellcheck disable=SC2154 # job_state sets `how`, the client what is given

# Makes the incoming folder $1, and locks it on descriptor 7: the lock ends with the session, however that ends.
hold_incoming() {
  # All of it is in the state folder, which is closed.
  (umask "$private" && mkdir -p "$1/code" "$1/workspace" "$1/tmp") || return 1
  # A new lock file: the session of an earlier push, which the network cut off, may still hold the old one. An earlier
  # push that couldn't lock its file is named in `leader`, which goes for the same reason.
  for former_file in "$1/lock" "$1/leader"; do
    if [ -e "$former_file" ] || [ -L "$former_file" ]; then rm -f "$former_file"; fi
  done
  (umask "$private" && : >"$1/lock") || return 1
  exec 7<"$1/lock"
  # Without flock, or without locks on this file system, the process and its start time tell whether the push is alive.
  # On some network disks flock(2) hangs, even with -n.
  timeout -s KILL 10 flock -n 7 2>/dev/null || lead "$1" || return 1
  holds="$1 $$"
}

# Keeps `clean` out of the state folder $1 until unguard_locks: clean holds the guard of the locks while it removes what
# it found unused. Returns 3 if clean has removed the folder meanwhile.
guard_from_clean() {
  try_guard "$1/locks"
  case $? in
    0) ;;
    # Where locks hang, clean can't remove anything either.
    2) [ ! -e "$1/locks/removing" ] || problem locks-hang "$1/locks" ;;
    3) return 3 ;;
    *) problem not-writable "$1" ;;
  esac
}

# Locks the incoming folder $1 of a push that has begun, unless this session does; ends the script if `clean` has
# removed the tree $2 or the workspace $3 while it wasn't locked.
hold_again() {
  [ "${holds-}" != "$1 $$" ] || return 0
  need_places "$2" "$3"
  while ! guard_from_clean "${1%/incoming/*}"; do :; done
  need_places "$2" "$3"
  hold_incoming "$1" || problem not-writable "$1"
  unguard_locks
}

need_places() {
  for place; do
    [ -d "$place" ] || problem removed "$place"
  done
}

# Checks that the push with the incoming folder $1 is alive. A push counts as alive unless it is known to be dead.
is_held_incoming() {
  if [ -f "$1/leader" ]; then
    job_state "$1"
    [ "$how" != lost ]
    return
  fi
  [ -f "$1/lock" ] && ! (timeout -s KILL 10 flock -n 6) 2>/dev/null 6<"$1/lock"
}

# Removes the incoming folder $1 unless it has something that the next push can continue with. The push is the last
# transfer of the workspace then, unless it failed; replies `noted` if that was written down.
release_incoming() {
  holds=
  if [ -n "$transfer_id" ]; then
    locate "$workspace"
    ! note_transfer "${1%/incoming/*}/$transfer_file" "$path" "$transfer_id" "$transfer_id" || echo 'noted yes'
  fi
  rm -rf "$1/tmp" "$1/lock" "$1/leader"
  rmdir "$1/code" "$1/workspace" "$1" 2>/dev/null || :
}
