#!/bin/sh
# Finds what this host holds of one cube, and which jobs prevent its removal.
# Given: base, state (the state folder) and workspace; environment, the folder of the python environment, or nothing if it
# isn't ours.
# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; jobs.sh sets how, the client what is given

locate "$base"
base=$path
locate "$state"
state=$path
locate "$workspace"
workspace=$path
if [ -n "$environment" ]; then
  locate "$environment"
  environment=$path
  # Where the environment is a link of the account's own, its files are what occupies the disk.
  if [ -L "$environment" ]; then environment=$(readlink -f "$environment"); fi
fi

# Refuses folders that can be the user's own: a wrong setting must not make the home folder ours.
case $base in / | "$HOME" | "$HOME/") problem not-ours "$base" ;; esac
check_own "$state" "$state/jobs" "$base"

# The tree is ours only if the owner file names its real path: else the folder existed before the first push, or was
# replaced.
real=$(cd -P "$base" 2>/dev/null && pwd -P)
there='' named=''
{ read -r there && read -r named; } 2>/dev/null <"$state/origin" || :
is_our_tree() { [ -n "$real" ] && [ "$named" = "$real" ]; }

# Sets `engines` to the engines that have a container of any job, or don't reply. Each engine is asked once, not once per
# job.
engines=' '
for each in "$state"/jobs/*; do
  engine=
  read -r engine 2>/dev/null <"$each/engine" || continue
  case $engines in *" $engine "*) continue ;; esac
  if found=$(ask_engine "$each" ps -aq --filter label=mlcube-ssh.job 2>/dev/null) && [ -z "$found" ]; then continue; fi
  engines="$engines$engine "
done

# Prints the containers of the job $1, with $2 only those in that state; prints nothing if the job's engine doesn't reply.
containers_of() {
  engine=
  read -r engine 2>/dev/null <"$1/engine" || return 0
  case $engines in *" $engine "*) present_containers "$1" ${2:+--filter "status=$2"} || : ;; esac
}

# Checks whether the job $1 runs, or may run if this machine can't tell. A job with a status has ended, except for what a
# stop couldn't end; a lost job may have left processes.
runs() {
  job_state "$1"
  case $how$why in
    running | elsewhere | unknown | lostremains) return 0 ;;
    *left) if has_remains "$1"; then return 0; fi ;;
  esac
  [ -n "$(container_processes "$1")$(containers_of "$1" running)" ]
}

# Sets `busy` to the first of the given jobs that runs or whose container runs; to `unknown` if its state can't be read.
find_busy() {
  for job; do
    [ -d "$job" ] || continue
    if runs "$job"; then
      busy=${job##*/}
      [ "$how" != unknown ] || busy=unknown
      return 0
    fi
  done
  return 1
}

# Prints the newest job: a different one at a later call means that a job was started meanwhile.
newest_job() {
  # Ids begin with the time, and contain neither blanks nor wildcards.
  # shellcheck disable=SC2012
  ls "$state/jobs" 2>/dev/null | sort | tail -n 1
}

# Checks whether we created the environment; one that we only installed packages into may be the user's own.
is_our_environment() {
  [ -n "$environment" ] && [ -d "$environment" ] &&
    { [ -f "$environment/.mlcube-ssh-made" ] || [ -f "$environment/.mlcube-ssh-begun" ]; }
}

# Checks whether the workspace is inside the tree, and no folder above it is a link that leads out.
is_in_tree() {
  case $workspace in "$base"/*) ;; *) return 1 ;; esac
  around=$(cd -P "${workspace%/*}" 2>/dev/null && pwd -P) || return 0
  case $around/ in "$real"/*) return 0 ;; *) return 1 ;; esac
}
