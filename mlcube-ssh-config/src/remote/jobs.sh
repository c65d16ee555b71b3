#!/bin/sh
# What is known of jobs: who leads one, how it is, which one holds a workspace. A job is named by its folder.

# shellcheck disable=SC2034 # the scripts read what is set here

# Sets what this machine, this boot and this pid namespace are: only within them does a pid say anything. Most scripts
# meet no job and needn't know.
this_host=
know_this_machine() {
  [ -z "$this_host" ] || return 0
  this_host=$(uname -n | tr -c 'A-Za-z0-9._\n-' _)/$(cat /etc/machine-id 2>/dev/null || :)
  this_boot=$(cat /proc/sys/kernel/random/boot_id)
  this_space=$(readlink /proc/self/ns/pid)
}

# When the process $1 started, in ticks since the boot; nothing for one that is gone, or dead and not yet buried.
start_of() { sed -n 's/.*) //; /^[ZX]/d; p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# Makes this process the leader of the job $1.
lead() {
  know_this_machine
  printf '%s %s %s %s %s\n' "$$" "$(start_of $$)" "$this_host" "$this_boot" "$this_space" >"$1/leader.new" &&
    mv -f "$1/leader.new" "$1/leader"
}

# Sets how the job $1 is, for a job that ended its `status`, for a lost one `why`.
job_state() {
  status='' why='' how=lost
  if [ -f "$1/status" ]; then
    read -r status <"$1/status" || :
    how=finished
    [ ! -f "$1/stopped" ] || how=killed
    return 0
  fi
  read -r pid start its_host its_boot its_space 2>/dev/null <"$1/leader" || return 0
  know_this_machine
  if [ "$its_host" != "$this_host" ]; then
    how=elsewhere
  elif [ "$its_boot" != "$this_boot" ]; then
    why=rebooted
  elif [ "$its_space" != "$this_space" ]; then
    # Its pid says nothing here, but the leader holds a lock that ends with it.
    how=elsewhere
    if [ -f "$1/alive" ] && (flock -n 8) 2>/dev/null 8<"$1/alive"; then how=lost why=namespace; fi
  elif [ "$(start_of "$pid")" = "$start" ]; then
    how=running
  elif [ -f "$1/status" ]; then
    job_state "$1" # it ended between the two looks
  fi
}

# Whether any workspace is locked in our own folder $1: where none is, none of their names need be known.
has_locks() {
  for held in "$1"/locks/*; do
    [ ! -L "$held" ] || return 0
  done
  return 1
}

# The lock of the workspace $1, in our own folder $2.
lock_of() { printf '%s/locks/%s\n' "$2" "$(printf '%s' "$1" | cksum | tr ' ' -)"; }

# Whether the lock $1 is held by a job other than $2; then `holder` is its folder, `how` tells how it is. Only what is
# known to be dead on this machine doesn't count.
is_held() {
  held_by=$(readlink "$1") || return 1
  holder=${1%/locks/*}/jobs/${held_by%%@*} how=elsewhere why=
  [ "${held_by%%@*}" != "$2" ] || return 1
  know_this_machine
  if [ -d "$holder" ]; then
    job_state "$holder"
  elif [ "${held_by#*@}" = "$this_host" ]; then
    how=lost
  fi
  case $how$why in
    running | elsewhere | lostnamespace) return 0 ;;
    *) [ "${held_by#*@}" != "$this_host" ] ;;
  esac
}

# Says which job is in the way, and ends the script.
refuse_locked() {
  read -r started 2>/dev/null <"$holder/started" || started=0
  problem locked "${holder##*/} $how $started ${held_by#*@} $(cat "$holder/about" 2>/dev/null)"
}

# One at a time looks at the locks in $1, and changes them; flock(2) ends with the process.
guard_locks() {
  (umask 077 && mkdir -p "$1" && : >>"$1/guard") 2>/dev/null || return 1
  exec 9>>"$1/guard"
  flock 9 2>/dev/null || :
}

unguard_locks() { exec 9>&-; }

# Takes the lock $1 for the job $2, with the locks guarded. The link names its holder in the act that makes it, on a
# shared file system too, so that a crash leaves no lock of nobody.
take_lock() {
  if is_held "$1" "$2"; then refuse_locked; fi
  rm -f "$1"
  know_this_machine
  ln -s "$2@$this_host" "$1" || problem not-writable "$1"
}

# Gives the lock $1 up, if the job $2 holds it.
give_lock_up() {
  guard_locks "${1%/*}" || return 0
  case $(readlink "$1") in "$2@"*) rm -f "$1" ;; esac
  unguard_locks
}
