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

# Ends the containers that the job may have left: Slurm's KILL doesn't reach those of a daemon. Sets `left` to those
# that may still run.
end_left_containers() {
  left='' engine='' its_node=''
  may_have_left_containers "$job" || return 0
  read -r engine 2>/dev/null <"$job/engine" || :
  read -r its_node 2>/dev/null <"$job/node" || :
  if [ "$its_node" = "$(uname -n)" ]; then
    leader='' before=$how
    end_processes
    [ -z "$told" ] || [ -n "$(present_containers "$job")" ] || note_cleared "$job"
  else
    # A moment on that node, if it has room for one. The engine's clients may wait for a daemon.
    # shellcheck disable=SC2016,SC2046 # the node's shell expands its words; ids hold no blanks
    ask_slurm srun --quiet --immediate=20 --ntasks=1 --mem=0 --overcommit --nodelist="$its_node" --chdir=/ sh -c \
      'engine=$1 && shift && for id; do "$engine" rm -f "$id" || exit; done' remove "$engine" \
      $(made_containers "$job") && note_cleared "$job"
  fi
  [ -f "$job/cleared" ] ||
    left="containers that may still run on the node $its_node: $(made_containers "$job" | tr '\n' ' ')($engine says: ${words:-nothing})"
}

stop_by_slurm() {
  case $how in
    finished | killed | lost)
      end_left_containers
      tell_stop "$left"
      ;;
  esac
  # Only the job's own script knows of containers.
  if [ "$how" = running ]; then
    ask_longest_grace
    [ "$grace" -le "$longest_grace" ] ||
      printf 'warning %s\n' "Slurm kills a job $kill_wait seconds after its TERM (KillWait), so it gets $longest_grace seconds to end, not $grace"
  fi
  # The node's script reads the grace when Slurm's TERM arrives. The space is reserved.
  { printf '%s\n' "$grace" 1<>"$job/stopped.new" && mv -f "$job/stopped.new" "$job/stopped"; } 2>/dev/null ||
    printf '' >"$job/stopped"
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
  end_left_containers
  tell_stop "$left"
}
