#!/bin/sh
# The first part of a batch job, on the node that Slurm chose: checks that what the job needs is there, and prepares it. The
# second part is run.sh.
# Given in the file `given` of the job's folder, which is the current one:
#   base           as in start.sh, and the ten below
#   root
#   file
#   workspace
#   lock           that of its workspace
#   python
#   log_limit
#   mask           the umask of the account
#   variables
#   user_locale    the user's LC_ALL
#   settings
#   setup          as in launch.sh, and the two below
#   needed_engine
#   image
# Words, as positional parameters: mlcube's.
# shellcheck disable=SC1091,SC2034,SC2154 # the files are the job's own; setup.sh reads mlcube_ssh_setup

set -u
job=$PWD id=${PWD##*/}
private=$(umask)
LC_ALL=C
export LC_ALL

# Ends a job that can't run on this node. The client has the words for the problem.
abandon() {
  umask "$private"
  rm -f "$job/secrets"
  printf '%s %s\n' "$(uname -n)" "$*" >"$job/node-failed"
  give_lock_up "$lock" "$id"
  printf '125\n' >"$job/status.new" && mv -f "$job/status.new" "$job/status"
  exit 125
}
problem() { abandon "$@"; }

printf '%s\n' "$(uname -n)" >node
# From now on it runs. In place: a full disk loses nothing.
date '+%s' 1<>started
. ./given
note_number "$job" "$SLURM_JOB_ID"

# Slurm has started the job again: its end is that of this start.
if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ]; then
  ! may_have_left_containers "$job" || remove_containers_of "$job" || :
  printf 'mlcube-ssh: note: Slurm started this job again, on the node %s\n' "$(uname -n)"
  rm -f status log-size stopped ended ended-in left node-failed began cause engine-failed engine engine-called \
    other-program built log-missing cleared cid.* run.*
  reserve_space "$job"
  # Whoever requeued a job that had ended may have started another one meanwhile.
  guard_locks "${lock%/*}" || abandon not-writable "${lock%/*}: $words"
  if is_held "$lock" "$id"; then
    unguard_locks
    abandon lock-lost "${holder##*/}"
  fi
  [ ! -L "$lock" ] || rm -f "$lock"
  know_this_machine
  ln -s "$id@$this_host" "$lock"
  unguard_locks
fi

if [ -n "$variables" ]; then
  [ -f secrets ] || abandon no-variables "$variables"
  . ./secrets
  rm -f secrets
  # shellcheck disable=SC2086,SC2163 # names
  export $variables
fi

# A line that fails ends the script; one that succeeds resets the trap.
trap 'abandon no-setup "$setup"' 0
mlcube_ssh_setup=$setup
