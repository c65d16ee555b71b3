#!/bin/sh
# Stops a job of this host: its containers, then every process with its mark; TERM first, KILL after the grace. Checks
# the result: a job that still has a process hasn't been stopped.
# shellcheck disable=SC2154 # stop.sh sets job, id, lock, how, why and its_host; end-processes.sh told

stop_by_direct() {
  need_state
  # The pid is used only if the job runs on this machine: elsewhere it may belong to another process. The leader isn't
  # killed, so that it can write the status.
  before=$how leader=
  if [ "$how" = running ]; then read -r leader _ <"$job/leader"; fi

  case $how in
    finished | killed)
      # Looks again for what an earlier stop left, also through the engine.
      look_for_processes "$job" ''
      if [ -z "$why$found" ]; then
        tell_job "$job"
        exit
      fi
      ;;
    elsewhere) release_elsewhere ;;
  esac
  # On a full disk the write fails and the job is stopped nevertheless. Not `:` with a redirection: if that fails, the
  # shell ends (POSIX 2.8.1).
  printf '' >"$job/stopped"

  end_processes

  # The result must be known before the status is written or the reply sent.
  look_for_processes "$job" "$leader"
  await_status
  # A job that had ended by itself isn't marked as stopped.
  [ "$before" != finished ] || rm -f "$job/stopped"
  tell_what_is_left
}

# Releases the workspace of a job whose processes can be neither seen nor ended on this node, so that its end is unknown;
# ends the script.
release_elsewhere() {
  [ "$force" = yes ] || problem elsewhere "$id ${its_host%%/*}"
  printf '' >"$job/released" || problem not-writable "$job"
  give_lock_up "$lock" "$id"
  tell_job "$job"
  exit
}

# Waits until the leader has written the status. A leader that is stuck or gone can't: then the status is written here.
await_status() {
  tenths=30
  while [ ! -f "$job/status" ] && [ "$tenths" -gt 0 ] && [ -n "$leader" ] && kill -0 "$leader" 2>/dev/null; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  [ ! -f "$job/status" ] || return 0
  [ "$before" != running ] || kill -KILL "$leader" 2>/dev/null
  # A lost job ended by itself.
  if [ "$before" = lost ]; then
    rm -f "$job/stopped"
  else
    printf '143\n' 1<>"$job/status.new" && mv -f "$job/status.new" "$job/status"
  fi
}

# Tells what is left of the job, and its state; gives the lock up if nothing is left.
tell_what_is_left() {
  look_for_processes "$job" "$leader"
  left=$(printf '%s' "$found" | tr -s ' ' '\n' | sort -u | tr '\n' ' ')
  [ -z "$left" ] || left="processes $left"
  # docker's containers may run on another machine: if docker doesn't reply, their state is unknown.
  if [ -z "$told" ]; then
    engine=
    read -r engine 2>/dev/null <"$job/engine" || :
    case ${engine##*/} in
      podman) ;;
      *) left="${left}containers whose state $engine doesn't report: $(made_containers "$job" | tr '\n' ' ')" ;;
    esac
  fi
  if [ -n "$left" ]; then
    printf '%s\n' "$left" >"$job/left"
    printf 'left %s\n' "$left"
  else
    rm -f "$job/left"
  fi
  if [ -z "$left" ] || [ "$force" = yes ]; then give_lock_up "$lock" "$id"; fi
  tell_job "$job"
}
