#!/bin/sh
# Selects a job, and prints its state.
# shellcheck disable=SC2154 # jobs.sh sets how, status, why and its_host; the client state, id and workspace

# Makes `state` and `workspace` absolute, and sets `job` to the folder of the job `id`, or of the only one whose id or
# its random part begins so, or, if `id` is empty, of the newest job of the workspace. A folder that can't be read must
# not count as empty.
pick_job() {
  locate "$state"
  state=$path
  locate "$workspace"
  workspace=$path
  check_own "$state" "$state/jobs"
  if [ -n "$id" ]; then
    job=$state/jobs/$id
    [ -d "$job" ] || pick_by_beginning
    return 0
  fi
  job=
  check_readable "$state/jobs"
  # Ids begin with the time, and a pattern is expanded in order: the last one is the newest.
  for each in "$state"/jobs/*; do
    [ -d "$each" ] || continue
    its_workspace=
    read -r its_workspace 2>/dev/null <"$each/workspace" || :
    [ "$its_workspace" != "$workspace" ] || job=$each
  done
  [ -n "$job" ] || problem no-job
}

# Sets `job` to the folder of the only job whose id, or the random part of it, begins with `id`.
pick_by_beginning() {
  check_readable "$state/jobs"
  job=
  for each in "$state/jobs/$id"* "$state"/jobs/*-"$id"*; do
    if [ ! -d "$each" ] || [ "$each" = "$job" ]; then continue; fi
    [ -z "$job" ] || problem ambiguous "$id"
    job=$each
  done
  [ -n "$job" ] || problem unknown "$id"
}

# Prints the state of the job $1: `job ID STATE STATUS STARTED ENDED HOST ABOUT`, with `-` for an unknown value.
tell_job() {
  job_state "$1"
  # The batch system may have ended the task of a job whose end nobody has followed, for its memory say.
  case $how:$status in finished:0) ;; finished:*) if is_batch_job "$1" && learn_end "$1"; then job_state "$1"; fi ;; esac
  # Its leader has written the status, and the stop that ends the rest may still be at work.
  if [ "$how:$why" = killed: ] && holds_a_lock "$1" && has_remains "$1"; then why=left; fi
  # A pending job has no start, or, requeued, none that counts.
  started=-
  if [ "$how" != pending ] && has_started "$1"; then read -r started 2>/dev/null <"$1/started" || started=-; fi
  ended=-
  case $how in
    finished | killed) ended=$(stat -c %Y "$1/status") ;;
    running | pending) ended=$(date '+%s') ;;
  esac
  read -r _ _ its_host _ 2>/dev/null <"$1/leader" || its_host=-
  its_about=$(cat "$1/about")
  if is_batch_job "$1"; then add_batch "$1"; fi
  name_state
  printf 'job %s %s %s %s %s %s %s\n' "${1##*/}" "$told_state" "${status:--}" "$started" "$ended" \
    "${its_host%%/*}" "$its_about"
}

# Adds to its_about, a JSON object, what its batch system told of the job $1: its number, when it was submitted, when it
# starts, the time it has left. Sets `its_host` to its node.
add_batch() {
  number=
  read -r number 2>/dev/null <"$1/number" || :
  case $number in *[!0-9]*) number= ;; esac
  told="\"submitted\": ${submitted_at:-null}${number:+, \"$batch\": $number}"
  # Until the job starts, its leader is the session that submitted it.
  if [ "$how" = pending ] || ! has_started "$1"; then its_host=${batch_nodes-} its_host=${its_host%%,*}; fi
  its_host=${its_host:--}
  case $how in
    pending)
      its_host=-
      [ -z "$requeued" ] || told="$told, \"requeued\": true"
      case ${batch_start:-N/A} in N/A | *[!0-9T:-]*) ;; *) told="$told, \"starts\": \"$batch_start\"" ;; esac
      ;;
    running)
      [ -z "${batch_nodes-}" ] || its_host=${batch_nodes%%,*}
      case ${batch_left-} in '' | *[!0-9:-]*) ;; *) told="$told, \"time_left\": \"$batch_left\"" ;; esac
      ;;
  esac
  its_about="{$told, ${its_about#\{}"
}
