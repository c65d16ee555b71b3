#!/bin/sh
# Functions about jobs that Slurm runs, named by their folders. jobs.sh calls state_in_slurm and learn_end_in_slurm,
# which set `number`, `batch_start`, `batch_nodes` and `batch_left`, as far as Slurm tells them.

# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; the client may set poll, jobs.sh the rest

# Runs a program of Slurm's, for at most 30 seconds; sets `words` to its output, and if it fails to the last line of
# what it said. Slurm's programs wait for a controller that is restarting.
ask_slurm() {
  words=$(timeout -s KILL 30 "$@" 2>&1 </dev/null) && return 0
  words=$(printf '%s\n' "$words" | grep . | tail -n 1)
  words=${words:-"$1 doesn't reply"}
  return 1
}

# Sets `number` to the one that Slurm gave the job $1. If none is noted, the session that submitted the job was cut off:
# then the job is looked for by its name. Fails, with the cause in `words`, if that can't be found out.
find_number() {
  number=
  read -r number 2>/dev/null <"$1/number" || :
  case $number in *[!0-9]*) number= ;; esac
  [ -z "$number" ] || return 0
  ask_slurm squeue --noheader --states=all --name="mlcube-ssh-${1##*/}" --format=%i || return 1
  number=$(printf '%s\n' "$words" | grep -x '[0-9][0-9]*' | tail -n 1)
  [ -z "$number" ] || note_number "$1" "$number"
}

# Notes the number $2 of the job $1, in one operation.
note_number() { printf '%s\n' "$2" >"$1/number.new.$$" && mv -f "$1/number.new.$$" "$1/number"; }

# Sets `slurm_told` to lines `NUMBER|STATE|REASON|START|NODES|LEFT`, one for each job of the folder $1 that Slurm knows
# and that has no status. Asks once for all, and again when `poll` seconds have passed, if that is set. Fails, with the
# cause in `words`, if Slurm doesn't reply.
slurm_asked=
slurm_told=
numbers=
learn_from_slurm() {
  read -r uptime _ </proc/uptime
  uptime=${uptime%%.*}
  if [ -n "$slurm_asked" ] && { [ -z "${poll-}" ] || [ "$uptime" -lt $((slurm_asked + poll)) ]; }; then
    [ -z "$slurm_silent" ] || words=$slurm_silent
    [ -z "$slurm_silent" ]
    return
  fi
  slurm_asked=$uptime slurm_silent='' numbers=
  for noted in "$1"/*/number; do
    read -r each 2>/dev/null <"$noted" || continue
    case $each in '' | *[!0-9]*) continue ;; esac
    [ -s "${noted%/*}/status" ] || numbers=$numbers${numbers:+,}$each
  done
  [ -n "$numbers" ] || return 0
  if ask_slurm squeue --noheader --states=all --jobs="$numbers" --format='%i|%T|%r|%S|%N|%L'; then
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

# Sets `slurm_state`, `slurm_reason`, `batch_start`, `batch_nodes` and `batch_left` for the number $1 from Slurm's
# records, or to nothing if it remembers no such job. Fails, with the cause in `words`, if Slurm doesn't reply; $2 is
# the folder of jobs.
look_up() {
  # It may be known only since Slurm was asked.
  case ,$numbers, in *,"$1",*) ;; *) slurm_asked= ;; esac
  slurm_state='' slurm_reason='' batch_start='' batch_nodes='' batch_left=
  learn_from_slurm "$2" || return 1
  while IFS='|' read -r told_number told_state told_reason told_start told_nodes told_left; do
    if [ "$told_number" = "$1" ]; then
      slurm_state=$told_state batch_start=$told_start batch_nodes=$told_nodes
      # Some reasons are sentences; a reply has blanks between its words.
      slurm_reason=$(printf '%s' "$told_reason" | tr ' ' _)
      batch_left=$told_left
      return 0
    fi
  done <<TOLD
$slurm_told
TOLD
  # The controller forgets what has ended (MinJobAge, 5 minutes); the accounting doesn't, where it runs.
  ask_accounting "$1"
}

# What job_state does for the job $1, which has no status: sets `how` and `why`.
state_in_slurm() {
  how=lost why=
  if ! find_number "$1" || { [ -n "$number" ] && ! look_up "$number" "${1%/*}"; }; then
    how=unknown unread="Slurm: $words"
    return 0
  fi
  if [ -z "$number" ]; then
    # Its submission may not have come to its end, on whatever login node.
    submitted=0
    read -r submitted 2>/dev/null <"$1/started" || :
    if [ "$(date '+%s')" -lt $((submitted + 300)) ]; then how=pending why=submitting; fi
    return 0
  fi
  case $slurm_state in
    PENDING | CONFIGURING | REQUEUED | REQUEUE_FED | REQUEUE_HOLD | SPECIAL_EXIT | RESV_DEL_HOLD)
      how=pending why=${slurm_reason:-$slurm_state}
      ;;
    RUNNING | SUSPENDED | STOPPED | RESIZING | SIGNALING | STAGE_OUT | COMPLETING) how=running ;;
    *)
      # A shared file system may show a new file late, and sooner where its folder is listed.
      ls "$1" >/dev/null 2>&1
      if [ -s "$1/status" ]; then
        job_state "$1"
        return
      fi
      case $slurm_state in
        # Its script ended, but not by its last line.
        '' | COMPLETED | FAILED)
          if [ -f "$1/ended" ]; then
            keep_end "$1" ENDED
          elif [ ! -f "$1/node" ]; then
            why=${slurm_state:+unshared}
          else
            why=${slurm_state:+silent}
          fi
          ;;
        *) keep_end "$1" "$slurm_state" ;;
      esac
      ;;
  esac
}

# Notes that Slurm ended the job $1, in the state $2, which it will forget, and sets what job_state sets. 143 is the
# status of what TERM ends.
keep_end() {
  how=killed why=$2 status=143
  # Nobody reads the values of --env any more.
  rm -f "$1/secrets"
  note_end "$1" "$2" && printf '143\n' 1<>"$1/status.new" && mv -f "$1/status.new" "$1/status"
}

# Notes that the job $1 ended in the state $2, and who cancelled it, which only the accounting of Slurm knows; `-` for
# one that Slurm didn't end.
note_end() {
  by='' ended_in=$2
  case $ended_in in '' | COMPLETED | FAILED) ended_in=- ;; esac
  if [ "$ended_in" = CANCELLED ] && ask_slurm sacct --noheader --parsable2 --allocations --jobs="$number" --format=State; then
    case $words in 'CANCELLED by '*[0-9]) by=$(id -nu "${words##* }" 2>/dev/null) || by=${words##* } ;; esac
  fi
  printf '%s %s\n' "$ended_in" "$by" >"$1/ended-in.new.$$" && mv -f "$1/ended-in.new.$$" "$1/ended-in"
}

# What learn_end does.
learn_end_in_slurm() {
  find_number "$1" && [ -n "$number" ] || return 1
  if ask_slurm squeue --noheader --states=all --jobs="$number" --format=%T; then
    slurm_state=$words
  else
    # It has forgotten it.
    case $words in *'Invalid job id'*) ask_accounting "$number" ;; *) return 1 ;; esac
  fi
  case $slurm_state in
    PENDING | CONFIGURING | REQUEUE* | SPECIAL_EXIT | RESV_DEL_HOLD) return 1 ;;
    RUNNING | SUSPENDED | STOPPED | RESIZING | SIGNALING | STAGE_OUT | COMPLETING) return 1 ;;
  esac
  note_end "$1" "$slurm_state"
}

# Sets `slurm_state` and `batch_nodes` to what the accounting of Slurm knows of the number $1: nothing where it doesn't
# run.
ask_accounting() {
  slurm_state='' batch_nodes=
  ask_slurm sacct --noheader --parsable2 --allocations --jobs="$1" --format=State,NodeList || return 0
  IFS='|' read -r slurm_state batch_nodes <<TOLD
$words
TOLD
  # `CANCELLED by 1000`.
  slurm_state=${slurm_state%% *}
}
