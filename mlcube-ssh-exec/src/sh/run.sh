#!/bin/sh
# Runs a job to its end and writes its status. This process leads the job's session; its output is the job's log.
# Given as NAME=VALUE:
#   job        its folder
#   lock       that of its workspace
#   view       the folder of links to the cube, or nothing
#   shims      the shim's folder
#   mask       the umask of the account
#   space      the pid namespace, if that is known
#   cube       its folder
#   python     which runs mlcube
#   log_limit  the longest log in bytes, or 0 for any
#   locale     the user's LC_ALL, or `-` if it is unset
# Words: after `--`: mlcube's.
# The launcher's functions before_mlcube and after_mlcube precede it.
# shellcheck disable=SC2034,SC2154 # jobs.sh sets this_host, this_boot and ticks, and reads this_space

set -u
while [ "$1" != -- ]; do
  case $1 in
    job=*) job=${1#*=} ;;
    lock=*) lock=${1#*=} ;;
    view=*) view=${1#*=} ;;
    shims=*) shims=${1#*=} ;;
    mask=*) mask=${1#*=} ;;
    space=*) this_space=${1#*=} ;;
    cube=*) cube=${1#*=} ;;
    python=*) python=${1#*=} ;;
    log_limit=*) log_limit=${1#*=} ;;
    locale=*) locale=${1#*=} ;;
  esac
  shift
done
shift
# start.sh set this umask: the files of the job are only for the owner of the tree.
private=$(umask)

# The log is the only place for messages.
# shellcheck disable=SC2317 # what is put before this script calls it
problem() {
  printf 'mlcube-ssh: %s\n' "$*"
  return 1
}

# Writes the line $2 to the file $1 of the job. The file's space was reserved when the job was made: a full disk doesn't
# lose the line.
put() { printf '%s\n' "$2" 1<>"$job/$1.new" && mv -f "$job/$1.new" "$job/$1"; }

finish() {
  umask "$private"
  document=$job/document
  # The batch system ended the job, and may start it again: only it knows how the job ended.
  if [ -f "$job/ended" ] && [ ! -f "$job/stopped" ]; then document=; fi
  rm -rf "${shims:?}" ${view:+"$view"} ${document:+"$document"}
  [ -n "$document" ] || exit "$1"
  # What is left of the job still uses the workspace. stop.sh finds out whether anything is left, and then releases the
  # lock.
  [ -f "$job/left" ] || [ -f "$job/stopped" ] || give_lock_up "$lock" "${job##*/}"
  # How much was ever written to the log, whose descriptor all of the job shares (proc_pid_fdinfo(5)): a log that
  # somebody empties is shorter.
  while read -r word position; do
    [ "$word" != pos: ] || put log-size "$position"
  done </proc/self/fdinfo/1
  put status "$1"
  # The batch system shows it to its own users.
  exit "$1"
}

# Writes job.json: the facts about the job, with the document that started it.
describe() {
  know_this_machine
  IFS= read -r about <"$job/about"
  IFS= read -r document <"$job/document"
  start_of $$
  {
    printf '{"job": "%s", "host": "%s", "boot": "%s", "pid_namespace": "%s", "pid": %s, "start": %s, "started": %s, ' \
      "${job##*/}" "${this_host%%/*}" "$this_boot" "$this_space" "$$" "$ticks" "$started"
    ! is_batch_job "$job" || printf '"%s": %s, "submitted": %s, ' "$batch" "$(cat "$job/number")" "${submitted_at:-null}"
    printf '"about": %s, "document": %s}\n' "$about" "$document"
  } >"$job/job.json.new" && mv -f "$job/job.json.new" "$job/job.json"
}

umask "$private"
exec 8>"$job/alive"
lock_file 8 &
locking=$!
read -r started <"$job/started"
words=$({ describe && name_leader "$job/leader.new"; } 2>&1) && described=yes || described=
# Only a file marked `held` is locked; an unmarked one, whose lock failed, proves nothing in another pid namespace.
if wait "$locking"; then printf 'held\n' >&8; fi
# Whoever sees a leader sees this mark.
if [ -z "$described" ] || ! words=$(mv -f "$job/leader.new" "$job/leader" 2>&1); then
  # Not from the log: the disk may have no room for it either.
  put cause "can't write in $job: $(printf '%s\n' "$words" | tail -n 1)"
  finish 125
fi

MLCUBE_SSH_JOB_FOLDER=$job MLCUBE_SSH_SHIMS=$shims
PATH=$shims:$PATH
export MLCUBE_SSH_JOB_FOLDER MLCUBE_SSH_SHIMS PATH
if [ "$locale" = - ]; then unset LC_ALL; else LC_ALL=$locale; fi
umask "$mask"
cd "$cube" || finish 1

before_mlcube

# Only what belongs to the task has the mark of the job: a stop ends every process with it, and this script still writes
# the status then. -E: the user's PYTHON* variables are for the task, not for this python. -u: the log is written
# without delay.
MLCUBE_SSH_JOB=${job##*/} "$python" -E -u -W ignore::DeprecationWarning "$job/launch.py" "$log_limit" "$@" 8>&-
status=$?
after_mlcube
PATH=${PATH#*:}
LC_ALL=C
export LC_ALL

# Sets `state`, `code` and `at` of the container $1: its state, exit status and start time. A daemon that is restarting
# gets one minute to reply.
inspect() {
  tries=60
  while :; do
    state=gone code='' at=''
    seen=$(ask_engine "$job" inspect --type container --format '{{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}}' "$1" 2>&1) && {
      read -r state code at <<SEEN
$seen
SEEN
      return 0
    }
    case $seen in
      *[Nn]'o such container'* | *[Nn]'o such object'* | *'no container with'*) return 0 ;;
    esac
    tries=$((tries - 1))
    if [ "$tries" -le 0 ] || [ -f "$job/stopped" ]; then
      state=unknown
      return 0
    fi
    sleep 1
  done
}

# Waits for the container $1, which still runs although the client that showed its output has ended, and shows the rest
# of the output.
wait_for_container() {
  is_client_dead=yes
  printf "mlcube-ssh: the engine's client ended with status %s, but the container still runs; waiting for its end (lines that it has just written may be missing)\n" "$status"
  MLCUBE_SSH_JOB=${job##*/} "$engine" logs --follow --since "$(date '+%s')" "$1" </dev/null 8>&- &
  logs=$!
  MLCUBE_SSH_JOB=${job##*/} "$engine" wait "$1" >/dev/null 2>&1 8>&-
  inspect "$1"
  # The last lines arrive when the container has ended; a client that hangs is killed after two seconds.
  tenths=20
  while kill -0 "$logs" 2>/dev/null && [ "$tenths" -gt 0 ]; do
    sleep 0.1
    tenths=$((tenths - 1))
  done
  kill "$logs" 2>/dev/null
}

# Checks whether docker's daemon was restarted while the container $1 ran, and ended it: a restarted daemon begins a new
# list of events, which doesn't contain the container's start.
was_ended_by_daemon() {
  case $(ask_engine "$job" --version 2>/dev/null) in [Dd]ocker*) ;; *) return 1 ;; esac
  read -r started <"$job/started"
  # Whole seconds: a container may have started in this one.
  until=$(($(date '+%s') + 1))
  events=$(ask_engine "$job" events --since "$started" --until "$until" --format '{{.Action}} {{.ID}}' 2>/dev/null) || return 1
  # The list holds the last 256 events; a longer one has lost its beginning.
  [ "$(printf '%s\n' "$events" | wc -l)" -lt 250 ] || return 1
  case $events in *"start $1"*) return 1 ;; esac
}

# Notes that the engine failed, for the reason $1, after the container had begun, or may have.
engine_lost() {
  printf 'mlcube-ssh: %s\n' "$1"
  put engine-failed "begun $1"
}

# Judges Apptainer, which has no container to ask about: what fails before the task begins it reports in a line like
# this, and it ends with 255. The last lines of the log are mlcube's.
judge_apptainer() {
  [ "$status" = 255 ] || return 0
  fatal=$(tail -n 30 "$job/log" | grep -a '^FATAL:   ' | tail -n 1 | cut -c 1-150)
  [ -z "$fatal" ] || put engine-failed "begun $fatal"
}

# Judges the engine's last `run` after mlcube failed: a failure of the engine isn't one of the task.
judge() {
  # 125 is the engine's own status; one above 128 means that a signal ended the client.
  is_client_dead=
  if [ "$status" = 125 ] || [ "$status" -gt 128 ]; then is_client_dead=yes; fi
  number=0
  while [ -e "$job/run.$((number + 1))" ]; do number=$((number + 1)); done
  [ "$number" -gt 0 ] || return 0
  if ! read -r engine 2>/dev/null <"$job/engine"; then
    judge_apptainer
    return 0
  fi
  id=
  read -r id 2>/dev/null <"$job/cid.$number" || :
  if [ -z "$id" ]; then
    put engine-failed "$number"
    return 0
  fi
  inspect "$id"
  rounds=100
  while [ "$rounds" -gt 0 ] && [ ! -f "$job/stopped" ]; do
    case $state in
      running | paused | restarting | stopping | removing) wait_for_container "$id" ;;
      *) break ;;
    esac
    rounds=$((rounds - 1))
  done
  case "$state $at" in
    unknown*) engine_lost "the engine doesn't report the state of container $id" ;;
    # The container was created and never started.
    *' 0001-01-01'*) put engine-failed "$number" ;;
    exited* | stopped*)
      case $code in
        '' | *[!0-9]*) ;;
        # If a later task didn't run, this status isn't success. If the client lived to its end, something else failed:
        # for example a command after it in the entry point's shell line.
        0)
          if [ -n "$is_client_dead" ] && [ ! -f "$job/cause" ] && [ "$number" -ge "$(count_tasks "$@")" ]; then
            status=0
          fi
          ;;
        # These are the statuses of a killed task, and of a task that ends itself at TERM.
        137 | 143)
          status=$code
          if [ ! -f "$job/stopped" ] && was_ended_by_daemon "$id"; then
            engine_lost "the engine's daemon restarted and ended container $id"
          fi
          ;;
        *) status=$code ;;
      esac
      ;;
  esac
}

# Prints how many tasks mlcube was asked to run.
count_tasks() {
  for word; do
    case $word in --task=*) printf '%s\n' "${word#--task=}" | tr ',' '\n' | grep -c . ;; esac
  done
}

if [ "$status" -ne 0 ]; then judge "$@"; fi
# mlcube's singularity runner builds nothing while a file of the image's name is there, whatever has changed.
case $status:$2 in
  0:configure)
    if [ -f "$job/engine-called" ] && [ ! -f "$job/engine" ] && [ ! -f "$job/built" ]; then
      printf "mlcube-ssh: warning: the image's file exists already, so mlcube's singularity runner built nothing; to build it again, remove the file first\n"
    fi
    ;;
esac
if remove_containers_of "$job"; then
  note_cleared "$job"
else
  left=$(container_processes "$job" | tr '\n' ' ')
  if [ -n "$left" ]; then
    printf "mlcube-ssh: can't remove a container of this job: %s\n" "$(made_containers "$job" | tr '\n' ' ')"
    printf 'processes %s\n' "$left" >"$job/left"
  fi
fi
finish "$status"
