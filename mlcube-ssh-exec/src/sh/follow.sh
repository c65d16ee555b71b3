#!/bin/sh
# Sends a job's log and its end: follow_job JOB OFFSET, from that byte on. JOB is the job's folder.
# Reply: `node NAME same` or `node NAME elsewhere`, the node of the host on which the job was started; `log`, bytes,
# and right behind them the client's mark and how many were meant to be sent, repeatedly; then `log-size N`, the size
# of the whole log; `warning TEXT`, if a part of it is missing; `began` if a task was started; `stopped` if someone
# stopped the job; `ran SECONDS`; `left-on NODE` if its containers may still run there; `node-failed NODE PROBLEM` if
# it couldn't run on its node; `batch-end STATE` if the batch system ended it, with who cancelled it if that is known;
# `cause …` or `not-started` if mlcube failed, `engine-failed`, with the cause if it is known, if the container engine
# failed, not the task; then `status N`, or `lost` (`lost rebooted`, `lost remains`) if the leader is gone and left no
# status.

# shellcheck disable=SC2154 # jobs.sh sets how, status and why

# Sets size. A host that has run out of processes can't start wc for a moment: that doesn't mean an empty log.
measure_log() {
  size=0
  # mlcube writes nothing for the first half second.
  if [ -f "$1/log" ] && [ ! -s "$1/log" ]; then return 0; fi
  for pause in 0.1 0.5 1 2 0; do
    size=$(wc -c <"$1/log") && [ -n "$size" ] && return 0
    sleep "$pause"
  done
  problem unreadable-log "$1/log"
}

send_log() {
  measure_log "$1"
  [ "$size" -gt "$offset" ] || return 1
  printf 'log\n'
  # Either program may fail in the middle; the client counts what came.
  tail -c "+$((offset + 1))" "$1/log" | head -c "$((size - offset))"
  printf '%s %s\n' "$mark" "$((size - offset))"
  offset=$size
}

# Prints the first line of the file $2 after the word $1; the rest of the file is reserved space.
tell_line() {
  line=
  read -r line 2>/dev/null <"$2" || [ -n "$line" ] || return 1
  printf '%s %s\n' "$1" "$line"
}

# Warns if a part of the log of the job $1 that wasn't sent yet is gone: the log is shorter than it was at the job's
# end.
tell_cut_log() {
  written=
  read -r written 2>/dev/null <"$1/log-size" || return 0
  case $written in '' | *[!0-9]*) return 0 ;; esac
  [ "$offset" -ge "$written" ] || [ "$size" -ge "$written" ] ||
    printf 'warning %s\n' "somebody has emptied or cut the job's log: $((written - size)) of its $written bytes are gone"
}

# Checks whether a task of the job $1 began: the engine made a container for it and didn't fail to start it.
has_begun() {
  [ ! -f "$1/began" ] || return 0
  failed=
  # The number of the container that didn't start; or `begun`, if it did.
  read -r failed _ 2>/dev/null <"$1/engine-failed" || :
  for cid in "$1"/cid.*; do
    if [ -s "$cid" ] && [ "${cid##*.}" != "$failed" ]; then return 0; fi
  done
  return 1
}

# Prints the state in which the batch system ended the job $1, whose end is $2, and who cancelled it, unless the job
# ended by itself or was stopped. A batch system knows it some seconds after the job's last line.
tell_batch_end() {
  is_batch_job "$1" && [ ! -f "$1/stopped" ] && [ "$2" != 'status 0' ] || return 1
  for pause in 0.2 0.5 1 2 3 0; do
    if learn_end "$1"; then break; fi
    sleep "$pause"
  done
  ended_in='' by=
  read -r ended_in by 2>/dev/null <"$1/ended-in" || return 1
  case $ended_in in '' | -) return 1 ;; esac
  printf 'batch-end %s\n' "$ended_in${by:+ $by}"
}

# Waits, for half a minute, for the rest of the log of a batch job, which a shared disk may show late: the node has
# measured it.
wait_for_log() {
  is_batch_job "$1" && read -r written 2>/dev/null <"$1/log-size" || return 0
  case $written in '' | *[!0-9]*) return 0 ;; esac
  halves=60
  while send_log "$1" || [ "$offset" -lt "$written" ]; do
    halves=$((halves - 1))
    [ "$halves" -gt 0 ] || return 0
    sleep 0.5
    ls "$1" >/dev/null 2>&1
  done
}

# Prints how long the job $1 ran, if its end is known; the node on which a batch job couldn't begin; and the node on which
# its containers may still run.
tell_run() {
  started=
  if has_started "$1"; then read -r started 2>/dev/null <"$1/started" || :; fi
  ended=$(stat -c %Y "$1/status" 2>/dev/null) || ended=
  case $started$ended in
    *[!0-9]*) ;;
    *) [ -z "$started" ] || [ -z "$ended" ] || printf 'ran %s\n' "$((ended - started))" ;;
  esac
  is_batch_job "$1" || return 0
  if [ "$how$why" = lostunshared ] && [ -n "${batch_nodes-}" ]; then printf 'node %s same\n' "${batch_nodes%%,*}"; fi
  its_node=
  if may_have_left_containers "$1" && read -r its_node 2>/dev/null <"$1/node"; then printf 'left-on %s\n' "$its_node"; fi
}

finish() {
  while send_log "$1"; do :; done
  wait_for_log "$1"
  printf 'log-size %s\n' "$size"
  tell_line warning "$1/log-missing" || :
  tell_cut_log "$1"
  tell_number "$1"
  tell_run "$1"
  begun=
  if has_begun "$1"; then
    begun=yes
    printf 'began\n'
  fi
  if tell_line node-failed "$1/node-failed" || tell_batch_end "$1" "$2" || tell_line cause "$1/cause"; then
    :
  elif [ -f "$1/engine-failed" ]; then
    cause=
    read -r _ cause 2>/dev/null <"$1/engine-failed" || :
    printf 'engine-failed%s\n' "${cause:+ $cause}"
  elif [ -f "$1/engine-called" ] && [ ! -e "$1/run.1" ]; then
    printf 'not-started\n'
  # mlcube, or its python, failed without naming a cause before any other program ran.
  elif [ -z "$begun" ] && [ ! -f "$1/other-program" ] && [ ! -f "$1/stopped" ]; then
    printf 'not-started\n'
  fi
  printf '%s\n' "$2"
  let_client_go
  exit 0
}

# Pauses for $2 seconds, or until the leader of the job $1 ends: the leader holds a lock while it lives.
pause() {
  # 75 means that the lock is still held; no other failure of flock has this status: busybox's knows no -w, and a file
  # system may not support locks.
  # An empty file was never locked; the leader leaves it empty if flock(2) hangs.
  [ -s "$1/alive" ] && ! is_batch_job "$1" && flock -s -w "$2" -E 75 7 2>/dev/null 7<"$1/alive"
  case $? in
    75)
      was_free=no
      return
      ;;
    0)
      # The leader has just ended; or it hasn't taken the lock yet, or never will: then only time helps.
      if [ "$was_free" = no ]; then
        was_free=yes
        return
      fi
      ;;
  esac
  # Whoever started a short job is waiting for its end, so the first pauses are short.
  if [ "$short_pauses" -gt 0 ]; then
    short_pauses=$((short_pauses - 1))
    sleep 0.03
  else
    sleep "$2"
  fi
}

# Prints the node of the job $1. A host name may lead to several nodes, which share the disk but not their processes.
tell_node() {
  job_state "$1"
  if is_batch_job "$1"; then
    tell_batch "$1"
    return
  fi
  read -r _ _ its_host _ 2>/dev/null <"$1/leader" || return 0
  case $how in elsewhere) where=elsewhere ;; *) where=same ;; esac
  printf 'node %s %s\n' "${its_host%%/*}" "$where"
}

# Prints what is new about a batch job: `batch NAME NUMBER`, then `pending START REASON`, `requeued START REASON` or
# `node NAME same`.
shown=
tell_batch() {
  case $how in
    pending)
      now_shown="pending ${batch_start:-N/A} ${why:-None}"
      [ -z "$requeued" ] || now_shown="requeued ${now_shown#pending }"
      ;;
    running) now_shown="node ${batch_nodes%%,*} same" ;;
    *) return 0 ;;
  esac
  [ "$now_shown" != "$shown" ] || return 0
  shown=$now_shown
  tell_number "$1"
  printf '%s\n' "$now_shown"
}

# Prints the batch system of the job $1, and the number that it gave the job, if that is noted.
tell_number() {
  number=
  read -r number 2>/dev/null <"$1/number" || return 0
  case $number in '' | *[!0-9]*) ;; *) ! is_batch_job "$1" || printf 'batch %s %s\n' "$batch" "$number" ;; esac
}

# Waits while the batch system of the job $1 doesn't reply, for ten minutes: it may be starting again. Meanwhile the log
# and the status of the job are all that is known of it.
silence=600
bear_silence() {
  is_batch_job "$1" || need_state
  read -r uptime _ </proc/uptime
  if [ -z "$silent_since" ]; then
    silent_since=${uptime%.*}
    printf 'warning %s\n' "$unread; the job is followed by its log alone"
  fi
  [ "${uptime%.*}" -lt $((silent_since + silence)) ] || need_state
}

follow_job() {
  [ -d "$1" ] || problem unknown "${1##*/}"
  tell_node "$1"
  offset=$2 looks=0 was_free=no losses=0 silent_since='' short_pauses=100
  end_with_client
  while :; do
    # The state is read before the log, so that the log is complete when the end is sent.
    job_state "$1"
    case $how in
      unknown) bear_silence "$1" ;;
      pending | running)
        silent_since=
        ! is_batch_job "$1" || tell_batch "$1"
        ;;
    esac
    case $how in
      finished) finish "$1" "status $status" ;;
      killed)
        [ ! -f "$1/stopped" ] || printf 'stopped\n'
        finish "$1" "status $status"
        ;;
      lost)
        losses=$((losses + 1))
        case $why in
          # Whoever kills the leader may be about to kill the rest: that may take a second or two.
          remains) patience=10 ;;
          # The batch system says that its script has ended: so there is a status, which a shared disk may show late.
          silent | unshared) patience=$((poll * 5)) ;;
          *) patience=0 ;;
        esac
        if [ "$losses" -gt "$patience" ]; then finish "$1" "lost $why"; fi
        ;;
    esac
    if send_log "$1"; then looks=0; else looks=$((looks + 1)); fi
    # Short pauses while the job writes, longer ones while it is silent: each check costs two processes. The end of the
    # job ends a pause.
    if [ "$looks" -lt 3 ]; then pause "$1" "0.$((looks + 1))"; else pause "$1" 0.4; fi
  done
}
