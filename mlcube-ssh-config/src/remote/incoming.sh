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
  timeout -s KILL 10 flock -n 7 2>/dev/null || lead "$1"
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
  rm -rf "$1/tmp" "$1/lock" "$1/leader"
  rmdir "$1/code" "$1/workspace" "$1" 2>/dev/null || :
}
