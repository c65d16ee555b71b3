#!/bin/sh
# Sends a job's log and its end: follow_job JOB OFFSET, from that byte on. JOB is the job's folder.
# Answers: `log N` and N bytes, again and again; then `cause …` or `not-started` where mlcube and not the task failed;
# then `status N`, or `lost` when the leader is gone without a status.

# Whether the job's leader is alive; its pid alone may be another's by now.
leads() {
  [ -f "$1/leader" ] || return 0
  read -r pid start <"$1/leader"
  [ "$(cut -d ' ' -f 22 "/proc/$pid/stat" 2>/dev/null)" = "$start" ]
}

send_log() {
  size=$(wc -c <"$1/log")
  [ "$size" -gt "$offset" ] || return 1
  printf 'log %s\n' "$((size - offset))"
  tail -c "+$((offset + 1))" "$1/log" | head -c "$((size - offset))"
  offset=$size
}

finish() {
  while send_log "$1"; do :; done
  if [ -f "$1/cause" ]; then
    printf 'cause %s\n' "$(cat "$1/cause")"
  elif [ -f "$1/engine-called" ] && [ ! -f "$1/task-started" ]; then
    printf 'not-started\n'
  fi
  printf '%s\n' "$2"
  let_client_go
  exit 0
}

follow_job() {
  [ -d "$1" ] || problem unknown "$1"
  offset=$2 looks=0
  end_with_client
  while :; do
    # Looked at before the log, so that the log is whole when the end is told.
    alive=1
    leads "$1" || alive=
    if [ -f "$1/status" ]; then finish "$1" "status $(cat "$1/status")"; fi
    [ -n "$alive" ] || finish "$1" lost
    if send_log "$1"; then looks=0; else looks=$((looks + 1)); fi
    # Often while something happens, less often in a long silence.
    if [ "$looks" -lt 30 ]; then sleep 0.1; else sleep 0.4; fi
  done
}
