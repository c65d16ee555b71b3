#!/bin/sh
# Cancels a job of Slurm, and waits until Slurm says that it has ended.
# shellcheck disable=SC2034,SC2154 # slurm.sh reads slurm_asked; stop.sh sets job, id, lock, how and why; slurm.sh number, words and unread

# Prints the job's state; $1 is what couldn't be ended, or nothing.
tell_stop() {
  [ -z "$1" ] || printf 'left %s\n' "$1"
  if [ -z "$1" ] || [ "$force" = yes ]; then give_lock_up "$lock" "$id"; fi
  tell_job "$job"
  exit 0
}

# Waits up to $1 seconds until Slurm counts the job among the ended ones.
wait_for_end() {
  seconds=$1
  while :; do
    slurm_asked=
    job_state "$job"
    case $how in
      pending | running | unknown) ;;
      # The script writes the status before its last processes have ended.
      *) if learn_end "$job"; then return 0; fi ;;
    esac
    seconds=$((seconds - 1))
    [ "$seconds" -gt 0 ] || return 1
    sleep 1
  done
}

# Cancels the job, with more options of scancel. The name makes sure that the number isn't another job's by now. That
# Slurm knows no such job to cancel isn't a failure: it has ended.
cancel() {
  name_in_slurm "$job"
  ask_slurm scancel --name="$slurm_name" "$@" "$number" || case $words in *'Invalid job id'*) ;; *) return 1 ;; esac
}

stop_by_slurm() {
  case $how in finished | killed | lost) tell_stop '' ;; esac
  # The node's script reads the grace when Slurm's TERM arrives.
  printf '%s\n' "$grace" >"$job/stopped"
  if ! find_number "$job" || [ -z "$number" ] || ! cancel; then
    if [ "$force" != yes ]; then
      rm -f "$job/stopped"
      problem no-slurm "${words:-no job of the name mlcube-ssh-$id}"
    fi
    tell_stop "the job $number of Slurm, where Slurm failed: $words"
  fi
  if ! wait_for_end $((grace + 60)); then
    cancel --full --signal=KILL || :
    wait_for_end 30 || tell_stop "the job $number of Slurm, which is ${slurm_state:-unknown to it}"
  fi
  # The node's script has written the status, unless it never began or was killed.
  if [ ! -s "$job/status" ]; then
    printf '143\n' 1<>"$job/status.new" && mv -f "$job/status.new" "$job/status"
  fi
  rm -f "$job/secrets"
  tell_stop ''
}
