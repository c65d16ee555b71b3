#!/bin/sh
# Starts a job. A job that exists already is only followed: the reply to an earlier start was lost.
# Given:
#   state             the state folder
#   id                the job's
#   base              the remote tree
#   root              the cube's folder in the base
#   file              its mlcube.yaml there
#   workspace         or nothing for the folder `workspace` in the cube's
#   locked            the workspace to lock
#   former_workspace  its path under an earlier version, or nothing
#   owner             the id of the machine and folder that ask, or nothing
#   former_owner      its id under an earlier version
#   python            which runs mlcube
#   environment       the folder of the python environment that was created for mlcube, or nothing
#   settings          those of the remote mlcube, or nothing for the account's own
#   document          the part of it that describes the request (JSON)
#   about             who starts the job (JSON)
#   variables         the names of those for the task
#   gpus              the value of --gpus, or nothing
#   remote_engine     docker or podman, or the path of one
#   run               the text of run.sh
#   shim              the text of engine.sh
#   launch            the text of launch.py
#   launcher          `direct` or `slurm`
#   mark              as in attach.sh
#   then              `follow` or `detach`, after the start
#   as_is             `yes` to start although the workspace isn't as the last push left it
#   known_pushes      the ids of which the last push of the workspace may have one
#   transfer_file     the file with that id
#   log_limit         the longest log in bytes, or 0 for any
# Words: mlcube's. The first is its log level, the second its command.
# Replies:
#   warning TEXT          maybe several
#   offset 0              with `follow`, and what follow.sh sends
#   started               with `detach`, after the node as follow.sh tells it; for a job that failed before mlcube, what
#                         follow.sh sends
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2034,SC2154 # the launcher reads mask; jobs.sh sets how and ticks, the prelude user_locale, the client what is given

locate "$state"
state=$path
locate "$base"
base=$path
locate "$locked"
locked=$path
job=$state/jobs/$id
find_lock "$locked" "$state"
lock=$its_lock
check_own "$state" "$state/jobs" "$base"

never_configured() { problem never-configured "$1"; }

# Ends the script if the cube was never pushed, was removed since, or no longer belongs to this machine.
need_cube() {
  need_owner
  its_file=$base/${root:+$root/}$file
  [ ! -f "$its_file" ] || return 0
  check_readable "${its_file%/*}"
  never_configured "$its_file"
}

# Ends the script if the workspace isn't as the last push of this machine left it: somebody has restored it from a
# backup, and the task would read older inputs.
need_push() {
  know_transfer "$state/$transfer_file" "$locked"
  case " $known_pushes " in
    *' any '* | *" $last_push "*) return 0 ;;
  esac
  [ "$as_is" = yes ] || problem other-push
  printf 'warning %s\n' "the remote workspace isn't as the last push of this machine left it, and may hold older inputs"
}

# Removes everything of a job that can't start, and ends the script with this problem.
abandon() {
  [ -z "$view" ] || rm -rf "$view"
  [ -z "$shims" ] || rm -rf "$shims"
  give_lock_up "$lock" "$id"
  rm -rf "${job:?}"
  problem "$@"
}

find_python() {
  case $python in
    */*)
      locate "$python"
      python=$path
      ;;
    *) python=$(command -v "$python") || never_configured "$python" ;;
  esac
  if [ ! -x "$python" ]; then
    check_readable "${python%/*}"
    never_configured "$python"
  fi
  # Another step, another machine or an unknown account may have created it.
  if [ -n "$environment" ]; then
    locate "$environment"
    check_own "$path"
  else
    check_program "$python"
  fi
}

# Refuses the value of --gpus that the shim would refuse when the task begins.
check_gpus() {
  [ -n "$gpus" ] && ! name_devices "$gpus" || return 0
  if ignores_gpus "$remote_engine"; then problem ignores-gpus "$gpus"; fi
}

# mlcube before 0.0.10 ignores --mount silently.
check_version() {
  case " $* " in *' --mount='*) ;; *) return 0 ;; esac
  version=$("$python" -c 'from importlib.metadata import version; print(version("mlcube"))' 2>/dev/null)
  case $version in 0.0.[0-9]) problem swallows-mount "$version" ;; esac
}

# Makes the job's folder, with this process as leader until the job has a leader of its own.
make_job() {
  make_private "$state/jobs" && mkdir "$job" "$job/bin" &&
    date '+%s' >"$job/started" &&
    printf '%s\n' "$locked" >"$job/workspace" &&
    printf '%s\n' "$about" >"$job/about" &&
    printf '%s\n' "$document" >"$job/document" &&
    reserve_space "$job" &&
    printf '%s\n' "$run" >"$job/run" &&
    printf '%s\n' "$launch" >"$job/launch.py" &&
    : >"$job/alive" &&
    : >"$job/log" &&
    { [ "$launcher" = direct ] || printf '%s\n%s\n' "$launcher" "$(date '+%s')" >"$job/submitted"; } &&
    name_leader "$job/leader" || return
  [ -z "$settings" ] || printf '%s\n' "$settings" >"$job/settings.yaml"
}

# Locks the workspace and makes the job while holding the guard, so that no process on this machine sees one without the
# other. Fails if the job exists by now: the reply to another session with the same id was lost, and the client asked
# again while that session was still starting the job.
take_workspace() {
  guard_locks "$state/locks" || problem not-writable "$state/locks: $words"
  if [ -d "$job" ]; then
    unguard_locks
    return 1
  fi
  # `clean` holds the guard while it removes the tree.
  need_cube
  check_workspace_link "$locked" "$base" "$state"
  need_push
  take_lock "$lock" "$id"
  if ! with_words make_job; then
    rm -rf "${job:?}" "$lock"
    unguard_locks
    problem not-writable "$job: $words"
  fi
  unguard_locks
}

# Keeps the last 20 jobs, and also older ones that still have processes or whose state can't be determined on this
# machine.
prune() {
  # Ids begin with the time, and a pattern is expanded in order.
  set -- "$state"/jobs/*
  while [ $# -gt 20 ]; do
    job_state "$1"
    case $how:$why in
      running: | pending:* | elsewhere: | unknown: | lost:remains | lost:namespace | *:left) ;;
      *) remove_job "$1" ;;
    esac
    shift
  done
}

# Starts the job that take_workspace has made. Arguments: mlcube's words.
start_job() {
  if [ -n "$workspace" ]; then
    locate "$workspace"
    workspace=$path
  fi
  "launch_by_$launcher" "$@"
  prune
}

if [ ! -d "$job" ]; then
  need_cube
  command -v setsid >/dev/null || problem no-setsid
  find_python
  check_version "$@"
  check_gpus
  # The job that holds the lock may be producing the inputs.
  if is_held "$lock" "$id"; then refuse_locked; fi
  take_former_workspace "$locked" "$former_workspace" "$state" || refuse_locked
  check_inputs
  mask=$(umask)
  umask "$private"
  if take_workspace; then start_job "$@"; fi
fi
if [ "$then" = follow ]; then
  # From this line on the client knows that the job exists.
  printf 'offset 0\n'
  follow_job "$job" 0
fi
tell_node "$job"
# A job whose leader failed before mlcube didn't start, whatever its status.
if [ "$how" = running ] || [ ! -f "$job/cause" ]; then
  printf 'started\n'
else
  follow_job "$job" 0
fi
