#!/bin/sh
# The containers of a job: what their engine says about them, and their processes, whatever the engine says.

# shellcheck disable=SC2154 # the prelude, or the script that runs the job, sets private

# Runs a command of the engine of the job $1, for at most 15 seconds: a daemon that hangs blocks nobody.
ask_engine() {
  asked=
  read -r asked <"$1/engine" || return
  shift
  timeout -s KILL 15 "$asked" "$@" 8>&- 9>&-
}

# Prints the ids of the containers that the job $1 made, as the engine wrote them for the shim.
made_containers() {
  for file in "$1"/cid.*; do
    made=
    read -r made 2>/dev/null <"$file" || :
    [ -z "$made" ] || printf '%s\n' "$made"
  done
}

# Checks whether the engine of the job $1 was asked to make a container. The shim counts a container before it is made,
# and nothing else gives one the job's label.
has_asked_for_container() { [ -f "$1/engine" ] && { [ -e "$1/run.1" ] || [ -e "$1/cid.1" ]; }; }

# Checks whether containers of the job $1 may exist although it has ended: its leader wasn't there to remove them.
may_have_left_containers() { [ ! -f "$1/cleared" ] && [ -n "$(made_containers "$1")" ]; }

# Notes that no container of the job $1 is left.
note_cleared() { (umask "$private" && : >"$1/cleared"); }

# Prints the ids of the existing containers of the job $1, running or not; further words filter them. Fails when the
# engine can't tell.
present_containers() {
  has_asked_for_container "$1" || return 0
  of=$1
  shift
  ask_engine "$of" ps -aq --no-trunc --filter "label=mlcube-ssh.job=${of##*/}" "$@" 2>/dev/null
}

# Prints the pids of these processes and of all their descendants.
with_descendants() {
  family=" $* " grown=1
  while [ -n "$grown" ]; do
    grown=
    for file in /proc/[0-9]*/stat; do
      stat=
      read -r stat 2>/dev/null <"$file" || continue
      child=${stat%% *} stat=${stat##*) }
      case $stat in [ZX]*) continue ;; esac
      stat=${stat#* }
      case $family in
        *" $child "*) ;;
        *" ${stat%% *} "*) family="$family$child " grown=1 ;;
      esac
    done
  done
  printf '%s\n' "$family"
}

# Prints the pids of the processes in the containers of the job $1, and of those that hold the containers for podman.
# The engine's own files may be gone; a process is found by the container's cgroup, or below the conmon that has its id.
container_processes() {
  roots=
  for made in $(made_containers "$1"); do
    # An incomplete id, which a full disk may leave, would match other processes, too.
    case ${#made}$made in 64*[!0-9a-f]*) continue ;; 64*) ;; *) continue ;; esac
    # shellcheck disable=SC2013,SC2062 # paths below /proc hold no blanks; the pattern is that of -f
    # The id comes on standard input: on its command line grep would match its own process.
    for process in $(printf '%s\n' "$made" | grep -f - -lsF /proc/[0-9]*/cgroup /proc/[0-9]*/cmdline); do
      case $process in
        */cmdline)
          case $(tr '\0' ' ' 2>/dev/null <"$process") in
            conmon\ * | */conmon\ *) ;;
            *) continue ;;
          esac
          ;;
      esac
      process=${process#/proc/}
      roots="$roots${process%/*} "
    done
  done
  # shellcheck disable=SC2086 # pids
  [ -z "$roots" ] || with_descendants $roots
}

# Removes the containers of the job $1 and the volumes made for them alone; fails when some may remain.
remove_containers_of() {
  has_asked_for_container "$1" || return 0
  present=$(present_containers "$1") || return 1
  # shellcheck disable=SC2086 # ids
  [ -z "$present" ] || ask_engine "$1" rm -f -v $present >/dev/null 2>&1
}
