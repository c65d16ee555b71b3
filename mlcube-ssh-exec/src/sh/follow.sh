#!/bin/sh
# Sends a job's log and its end: follow_job JOB OFFSET, from that byte on. JOB is the job's folder.
# Answers: `node NAME here` or `node NAME elsewhere`, on which node of the host the job was started; `log N` and N bytes, again and again; then `log-size N`, the size of the whole log; `began` if a task was
# started; `stopped` if it was ended by somebody; `cause …` or `not-started` where mlcube, `engine-failed` where its container engine and not the task failed;
# then `status N`, or `lost` (`lost rebooted`, `lost remains`) when the leader is gone without a status.

# shellcheck disable=SC2154 # jobs.sh sets how, status and why

# Sets size. A host that is short of processes fails to start wc for a moment: that is no empty log.
measure_log() {
  for pause in 0.1 0.5 1 2 0; do
    size=$(wc -c <"$1/log") && [ -n "$size" ] && return 0
    sleep "$pause"
  done
  problem unreadable-log "$1/log"
}

send_log() {
  measure_log "$1"
  [ "$size" -gt "$offset" ] || return 1
  printf 'log %s\n' "$((size - offset))"
  tail -c "+$((offset + 1))" "$1/log" | head -c "$((size - offset))"
  offset=$size
}

# Tells the first line of the file $2 as the word $1; what follows it there is room that was taken beforehand.
tell_line() {
  line=
  read -r line 2>/dev/null <"$2" || [ -n "$line" ] || return 1
  printf '%s %s\n' "$1" "$line"
}

# Whether a task of the job $1 began: a container was made for it, and not only tried to be started.
has_begun() {
  [ ! -f "$1/began" ] || return 0
  failed=
  read -r failed 2>/dev/null <"$1/engine-failed" || :
  for cid in "$1"/cid.*; do
    if [ -s "$cid" ] && [ "${cid##*.}" != "$failed" ]; then return 0; fi
  done
  return 1
}

finish() {
  while send_log "$1"; do :; done
  printf 'log-size %s\n' "$size"
  tell_line warning "$1/log-missing" || :
  begun=
  if has_begun "$1"; then
    begun=yes
    printf 'began\n'
  fi
  if tell_line cause "$1/cause"; then
    :
  elif [ -f "$1/engine-failed" ]; then
    printf 'engine-failed\n'
  elif [ -f "$1/engine-called" ] && [ ! -e "$1/run.1" ]; then
    printf 'not-started\n'
  # Nor did it begin where mlcube, or the python before it, failed without a cause of its own, before any other program ran.
  elif [ -z "$begun" ] && [ ! -f "$1/other-program" ] && [ ! -f "$1/stopped" ]; then
    printf 'not-started\n'
  fi
  printf '%s\n' "$2"
  let_client_go
  exit 0
}

# Pauses for $2 seconds, or until the leader of the job $1 ends, which holds a lock as long as it lives.
pause() {
  # 75 stands for a lock that is still held, which no other failure of flock does: busybox's knows no -w, and a disk
  # may have no locks.
  # An empty file is held by nobody, and where flock(2) hangs the leader left it empty.
  [ -s "$1/alive" ] && flock -s -w "$2" -E 75 7 2>/dev/null 7<"$1/alive"
  case $? in
    75)
      was_free=no
      return
      ;;
    0)
      # It has just ended. Or it has yet to take the lock, or nobody ever will: then time has to pass.
      if [ "$was_free" = no ]; then
        was_free=yes
        return
      fi
      ;;
  esac
  # The end of a short job is waited for by whoever started it.
  if [ "$short_pauses" -gt 0 ]; then
    short_pauses=$((short_pauses - 1))
    sleep 0.03
  else
    sleep "$2"
  fi
}

# Tells the node of the job $1. A host's name may lead to several, which share the disk and not their processes.
tell_node() {
  job_state "$1"
  read -r _ _ its_host _ 2>/dev/null <"$1/leader" || return 0
  case $how in elsewhere) where=elsewhere ;; *) where=here ;; esac
  printf 'node %s %s\n' "${its_host%%/*}" "$where"
}

follow_job() {
  [ -d "$1" ] || problem unknown "${1##*/}"
  tell_node "$1"
  offset=$2 looks=0 was_free=no losses=0 short_pauses=100
  end_with_client
  while :; do
    # Looked at before the log, so that the log is whole when the end is told.
    job_state "$1"
    need_state
    case $how in
      finished) finish "$1" "status $status" ;;
      killed)
        printf 'stopped\n'
        finish "$1" "status $status"
        ;;
      lost)
        # Whoever ends the leader may be about to end the rest: that has a second or two.
        losses=$((losses + 1))
        if [ "$why" != remains ] || [ "$losses" -gt 10 ]; then finish "$1" "lost $why"; fi
        ;;
    esac
    if send_log "$1"; then looks=0; else looks=$((looks + 1)); fi
    # Often while something happens, less often in a silence: a look costs two processes. The job's end ends a pause.
    if [ "$looks" -lt 3 ]; then pause "$1" "0.$((looks + 1))"; else pause "$1" 0.4; fi
  done
}
