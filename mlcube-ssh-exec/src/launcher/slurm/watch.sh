#!/bin/sh
# Watches for the end that Slurm makes of a job, while run.sh waits for mlcube.
# shellcheck disable=SC2034,SC2154,SC2317 # run.sh sets job and private, and calls this; end-processes.sh reads what is set here

# Slurm ends a job with TERM for all its processes, and KILL some seconds later (KillWait). A container isn't among
# them, and this script waits for its client: another process ends both, and must have ended them when KILL comes.
end_with_slurm() {
  umask "$private"
  : >"$job/ended"
  kill "$nap" 2>/dev/null
  leader=$$ before=running grace=10
  read -r grace 2>/dev/null <"$job/stopped" || :
  [ "$grace" -lt "$longest_grace" ] || grace=$longest_grace
  end_processes
  exit
}

watch_for_slurm() {
  nap=
  trap end_with_slurm TERM
  trap 'kill "$nap" 2>/dev/null; exit' USR1
  while :; do
    sleep 60 8>&- &
    nap=$!
    wait "$nap"
  done
}

before_mlcube() {
  ask_longest_grace
  # Not ignored: the task would ignore it, too.
  trap : TERM
  watch_for_slurm 8>&- &
  watcher=$!
}

after_mlcube() {
  [ -f "$job/ended" ] || kill -USR1 "$watcher"
  wait "$watcher"
}
