#!/bin/sh
# Functions about jobs that Slurm runs, named by their folders. jobs.sh calls state_in_slurm and learn_end_in_slurm,
# which set `number`, `batch_start`, `batch_nodes` and `batch_left`, as far as Slurm tells them.

# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; the client may set poll, jobs.sh the rest

# Runs a program of Slurm's, for at most 30 seconds; sets `words` to its output, and if it fails to the last line of
# what it said. Slurm's programs wait for a controller that is restarting.
ask_slurm() {
  words=$(
    # The account's own options of squeue, scancel and sacct would hide a job, or let scancel ask before it acts.
    for option in $(env | sed -n 's/^\(S[A-Z]*_[A-Z0-9_]*\)=.*/\1/p') SLURM_TIME_FORMAT; do
      case $option in SQUEUE_* | SCANCEL_* | SACCT_* | SCONTROL_* | SLURM_TIME_FORMAT) unset "$option" ;; esac
    done
    timeout -s KILL 30 "$@" 2>&1 </dev/null
  ) && return 0
  words=$(printf '%s\n' "$words" | grep . | tail -n 1)
  words=${words:-"$1 doesn't reply"}
  return 1
}

# Sets `uptime` to the seconds since the boot, and checks whether $1, an earlier value, counts as now: less than `poll`
# seconds have passed, or `poll` isn't set, as in a script that asks once.
is_recent() {
  read -r uptime _ </proc/uptime
  uptime=${uptime%%.*}
  [ -n "$1" ] && { [ -z "${poll-}" ] || [ "$uptime" -lt $(($1 + poll)) ]; }
}

# Sets `slurm_name` to the name in Slurm of the job $1. A number alone may be another job's: Slurm uses numbers again.
name_in_slurm() { slurm_name=mlcube-ssh-${1##*/}; }

# Sets `number` to the one that Slurm gave the job $1. If none is noted, the session that submitted the job was cut off:
# then the job is looked for by its name. Fails, with the cause in `words`, if that can't be found out.
searched=
searched_at=
find_number() {
  number=
  read -r number 2>/dev/null <"$1/number" || :
  case $number in *[!0-9]*) number= ;; esac
  [ -z "$number" ] || return 0
  if is_recent "$searched_at" && [ "$searched" = "$1" ]; then return 0; fi
  name_in_slurm "$1"
  # Anybody may give a job this name.
  ask_slurm squeue --noheader --states=all --user="$(id -u)" --name="$slurm_name" --format=%i || return 1
  searched=$1 searched_at=$uptime
  number=$(printf '%s\n' "$words" | grep -x '[0-9][0-9]*' | tail -n 1)
  [ -z "$number" ] || note_number "$1" "$number"
}

# Notes the number $2 of the job $1, for these functions and in job.json, each in one operation.
note_number() {
  printf '%s\n' "$2" >"$1/number.new.$$" && mv -f "$1/number.new.$$" "$1/number" || return
  [ ! -f "$1/job.json" ] || return 0
  about='' request=
  is_batch_job "$1" && IFS= read -r about 2>/dev/null <"$1/about" &&
    IFS= read -r request 2>/dev/null <"$1/document" || return 0
  printf '{"job": "%s", "submitted": %s, "slurm": %s, "about": %s, "document": %s}\n' "${1##*/}" \
    "${submitted_at:-null}" "$2" "$about" "$request" >"$1/job.json.$$"
  # The job may have begun meanwhile, and written more.
  ln "$1/job.json.$$" "$1/job.json" 2>/dev/null
  rm -f "$1/job.json.$$"
}

# Sets `slurm_told` to lines `NUMBER|NAME|STATE|START|NODES|LEFT|REASON`, one for each job of the folder $1 that Slurm
# knows and that has no status, and `had_started` to the numbers of those that had started before Slurm was asked. Asks
# once for all, and again when `poll` seconds have passed, if that is set. Fails, with the cause in `words`, if Slurm
# doesn't reply.
slurm_asked=
slurm_told=
numbers=
had_started=
learn_from_slurm() {
  if is_recent "$slurm_asked"; then
    [ -z "$slurm_silent" ] || words=$slurm_silent
    [ -z "$slurm_silent" ]
    return
  fi
  slurm_asked=$uptime slurm_silent='' numbers='' had_started=
  for noted in "$1"/*/number; do
    read -r each 2>/dev/null <"$noted" || continue
    case $each in '' | *[!0-9]*) continue ;; esac
    [ ! -s "${noted%/*}/status" ] || continue
    numbers=$numbers${numbers:+,}$each
    [ ! -f "${noted%/*}/node" ] || had_started=$had_started,$each
  done
  [ -n "$numbers" ] || return 0
  # The reason comes last: administrators write their own, which may hold a bar.
  if ask_slurm squeue --noheader --states=all --jobs="$numbers" --format='%i|%j|%T|%S|%N|%L|%r'; then
    slurm_told=$words
    return 0
  fi
  # So squeue says of a single number that it has forgotten.
  case $words in
    *'Invalid job id'*) slurm_told= ;;
    *)
      slurm_silent=$words
      return 1
      ;;
  esac
}

# Checks whether jobs in Slurm's state $1 have ended. A word that a later Slurm may have made proves no end.
is_ended() {
  case $1 in
    BOOT_FAIL | CANCELLED | COMPLETED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | REVOKED | TIMEOUT) ;;
    *) return 1 ;;
  esac
}

# Sets `slurm_state`, `slurm_reason`, `batch_start`, `batch_nodes` and `batch_left` for the job $1, whose number is $2,
# from what Slurm tells of all; to nothing if it doesn't know the job any more. Fails, with the cause in `words`, if
# Slurm doesn't reply.
look_up() {
  # It may be known only since Slurm was asked.
  case ,$numbers, in *,"$2",*) ;; *) slurm_asked= ;; esac
  slurm_state='' slurm_reason='' batch_start='' batch_nodes='' batch_left=
  learn_from_slurm "${1%/*}" || return 1
  name_in_slurm "$1"
  while IFS='|' read -r told_number told_name told_state told_start told_nodes told_left told_reason; do
    if [ "$told_number|$told_name" = "$2|$slurm_name" ]; then
      slurm_state=$told_state batch_start=$told_start batch_nodes=$told_nodes batch_left=$told_left
      slurm_reason=$told_reason
      return 0
    fi
  done <<TOLD
$slurm_told
TOLD
}

# Sets `slurm_state` to the state in which the job $1, whose number is $2, has ended, `slurm_by` to who cancelled it,
# `batch_nodes` to its nodes, and `slurm_reason` to Slurm's reason: as accounting tells, where it runs, which also knows who; else as the controller does,
# which forgets a job some minutes after its end (MinJobAge). Sets them to nothing if neither knows the job; a state
# that is no end means that it goes on. Fails, with the cause in `words`, if Slurm doesn't reply.
end_of=
end_at=
ask_end() {
  if is_recent "$end_at" && [ "$end_of" = "$2" ]; then
    slurm_state=$end_state slurm_by=$end_by batch_nodes=$end_nodes slurm_reason=$end_reason
    return 0
  fi
  end_of=$2 end_at=
  name_in_slurm "$1"
  slurm_state='' slurm_by='' batch_nodes='' slurm_reason=
  from_accounting "$2"
  accounted=$slurm_state
  # Only the controller knows why a job never started.
  if ! is_ended "$accounted" || [ -z "$batch_nodes" ]; then from_controller "$2" || is_ended "$accounted" || return 1; fi
  # Accounting is told of an end some time later, and only it knows who cancelled a job.
  for pause in 1 2 4; do
    case ${accounted:+$slurm_state} in CANCELLED) ;; *) break ;; esac
    ! is_ended "$accounted" || break
    sleep "$pause"
    from_accounting "$2"
    accounted=$slurm_state slurm_state=CANCELLED
  done
  end_at=$uptime end_state=$slurm_state end_by=$slurm_by end_nodes=$batch_nodes end_reason=$slurm_reason
}

from_accounting() {
  ask_slurm sacct --noheader --parsable2 --allocations --jobs="$1" --format=State,NodeList,JobName || return 0
  while IFS='|' read -r told_state told_nodes told_name; do
    [ "$told_name" = "$slurm_name" ] || continue
    slurm_state=${told_state%% *} batch_nodes=$told_nodes
    case $batch_nodes in 'None assigned') batch_nodes= ;; esac
    case $told_state in 'CANCELLED by '*[0-9]) slurm_by=${told_state##* } ;; esac
  done <<TOLD
$words
TOLD
}

from_controller() {
  if ! ask_slurm scontrol --oneliner show job "$1"; then
    case $words in *'Invalid job id'*) return 0 ;; *) return 1 ;; esac
  fi
  case " $words " in
    *" JobName=$slurm_name "*)
      slurm_state=${words#* JobState=} batch_nodes=${words#* NodeList=} slurm_reason=${words#* Reason=}
      slurm_state=${slurm_state%% *} batch_nodes=${batch_nodes%% *} slurm_reason=${slurm_reason%% *}
      ;;
  esac
  case $batch_nodes in '(null)') batch_nodes= ;; esac
}

# What job_state does for the job $1, which has no status: sets `how` and `why`.
state_in_slurm() {
  how=lost why=
  if ! find_number "$1" || { [ -n "$number" ] && ! look_up "$1" "$number"; }; then
    no_word_of_slurm
    return 0
  fi
  if [ -z "$number" ]; then
    # Its submission may not have come to its end, on whatever login node.
    is_batch_job "$1" || :
    if [ "$(date '+%s')" -lt $((${submitted_at:-0} + 300)) ]; then how=pending why=submitting; fi
    return 0
  fi
  if [ -z "$slurm_state" ] || is_ended "$slurm_state"; then
    # A shared file system may show a new file late, and sooner where its folder is listed.
    ls "$1" >/dev/null 2>&1
    if [ -s "$1/status" ]; then
      job_state "$1"
      return
    fi
    if ! ask_end "$1" "$number"; then
      no_word_of_slurm
      return 0
    fi
  fi
  case $slurm_state in
    PENDING | CONFIGURING | POWER_UP_NODE | REQUEUED | REQUEUE_FED | REQUEUE_HOLD | SPECIAL_EXIT | RESV_DEL_HOLD)
      how=pending why=${slurm_reason:-$slurm_state}
      case $had_started, in *,"$number",*) requeued=yes ;; esac
      ;;
    # Its script ended, but not by its last line.
    '' | COMPLETED | FAILED)
      if [ -n "$slurm_state" ] && was_killed_for_memory "$1"; then
        keep_end "$1" OUT_OF_MEMORY
      elif [ -f "$1/ended" ]; then
        keep_end "$1" ENDED
      elif [ "$slurm_state" = FAILED ] && [ ! -f "$1/node" ] && [ -z "$batch_nodes" ]; then
        # It was taken, and can never start.
        keep_end "$1" "${slurm_reason:-ENDED}"
      elif [ ! -f "$1/node" ]; then
        why=${slurm_state:+unshared}
      else
        why=${slurm_state:+silent}
      fi
      ;;
    *) if is_ended "$slurm_state"; then keep_end "$1" "$slurm_state"; else how=running; fi ;;
  esac
  # Nobody reads the values of --env any more.
  case $how in killed | lost) rm -f "$1/secrets" ;; esac
}

# What state_in_slurm sets if Slurm doesn't reply.
no_word_of_slurm() { how=unknown doubt=silent unread="Slurm: $words"; }

# Checks whether Slurm's daemon on the node wrote into the log of the job $1 that it has killed the job for its memory.
# Where that daemon measures the memory itself (OverMemoryKill), Slurm's state is FAILED, with a reason that has nothing
# to do with it.
was_killed_for_memory() {
  tail -n 20 "$1/log" 2>/dev/null | grep -q '^slurmstepd.*: error: .*\(exceeded memory limit\|oom[-_ ]kill\)'
}

# Notes that Slurm ended the job $1, in the state $2, which it will forget, and sets what job_state sets. 143 is the
# status of what TERM ends.
keep_end() {
  how=killed why=$2 status=143
  note_end "$1" "$2" && printf '143\n' 1<>"$1/status.new" && mv -f "$1/status.new" "$1/status"
}

# Notes that the job $1 ended in the state $2, and who cancelled it, if that is known; `-` for one that Slurm didn't
# end.
note_end() {
  ended_in=$2 by=$slurm_by
  case $ended_in in '' | COMPLETED | FAILED) ended_in=- ;; esac
  [ -z "$by" ] || by=$(id -nu "$slurm_by" 2>/dev/null) || by=$slurm_by
  # The space is reserved, and another process may do the same.
  { printf '%s %s\n' "$ended_in" "$by" 1<>"$1/ended-in.new" && mv -f "$1/ended-in.new" "$1/ended-in"; } 2>/dev/null ||
    [ -s "$1/ended-in" ]
}

# What learn_end does.
learn_end_in_slurm() {
  end_at=
  find_number "$1" && [ -n "$number" ] && ask_end "$1" "$number" || return 1
  [ -z "$slurm_state" ] || is_ended "$slurm_state" || return 1
  # A disk that takes no note makes nothing of the end undone.
  note_end "$1" "$slurm_state" || :
}

# Sets `kill_wait` to the seconds after its TERM in which Slurm kills a job, and `longest_grace` to those that its
# containers can have: an engine takes a second or two more than the grace.
ask_longest_grace() {
  kill_wait=
  if ask_slurm scontrol show config; then
    kill_wait=$(printf '%s\n' "$words" | sed -n 's/^KillWait  *= \([0-9][0-9]*\) .*/\1/p')
  fi
  # Unless the site says otherwise.
  kill_wait=${kill_wait:-30}
  longest_grace=$((kill_wait * 2 / 3))
}
