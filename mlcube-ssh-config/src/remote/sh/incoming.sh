#!/bin/sh
# The incoming folder of a push: what isn't in its place yet. Every push has one of its own, and holds a lock in it for as long
# as its session lasts; jobs.sh is needed, too.

# shellcheck disable=SC2154 # job_state sets `how`

# Makes the incoming folder $1, and holds it on descriptor 7: the lock ends with the session, however that ends.
hold_incoming() {
  make_private "$1/code" "$1/workspace" "$1/tmp" || return 1
  # A lock file of its own: the session of an earlier push, which the network has cut off, may still hold the old one.
  # Nor is it led by a process that couldn't lock its file, as that one was.
  rm -f "$1/lock" "$1/leader"
  (umask "$private" && : >"$1/lock") || return 1
  exec 7<"$1/lock"
  # Where there is no flock, or none for this file system, the process and when it started tell whether it lives.
  # On some network disks flock(2) hangs, with -n too.
  timeout -s KILL 10 flock -n 7 2>/dev/null || lead "$1" || return 1
  holds="$1 $$"
}

# Keeps `clean` out of our own folder $1 until unguard_locks: it holds the guard of the locks while it removes, and what it
# has found in nobody's use by then it removes. Returns 3 when it has removed the folder meanwhile.
guard_from_clean() {
  try_guard "$1/locks"
  case $? in
    0) ;;
    # Where locks never answer, clean can't remove anything either.
    2) [ ! -e "$1/locks/removing" ] || problem locks-hang "$1/locks" ;;
    3) return 3 ;;
    *) problem not-writable "$1" ;;
  esac
}

# Holds the incoming folder $1 of a push that has begun, unless this session does; ends the script where `clean` has removed
# the tree $2 or the workspace $3 while none did.
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

# Whether the push lives that has the incoming folder $1. What can't be proved to be dead lives.
is_held_incoming() {
  if [ -f "$1/leader" ]; then
    job_state "$1"
    [ "$how" != lost ]
    return
  fi
  [ -f "$1/lock" ] && ! (timeout -s KILL 10 flock -n 6) 2>/dev/null 6<"$1/lock"
}

# Removes the incoming folder $1 if nothing is left in it that the next push can go on with.
release_incoming() {
  holds=
  rm -rf "$1/tmp" "$1/lock" "$1/leader"
  rmdir "$1/code" "$1/workspace" "$1" 2>/dev/null || :
}
