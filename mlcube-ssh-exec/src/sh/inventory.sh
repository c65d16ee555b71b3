#!/bin/sh
# What is ours on this host, of one cube, and which jobs are in the way of removing it.
# $1 base, $2 our own folder, $3 the workspace, $4 the environment's folder (empty: none of ours).
# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; jobs.sh sets how

base=$(absolute "$1") state=$(absolute "$2") workspace=$(absolute "$3") environment=${4:+$(absolute "$4")}
shift 4

# Nothing that can be a user's own: a wrong setting must not make the home folder ours.
case $base in / | "$HOME" | "$HOME/") problem not-ours "$base" ;; esac
check_own "$state" "$state/jobs" "$base"

# Nor a folder that the owner file doesn't name by its real path: one that was there before, or another one by now.
real=$(cd -P "$base" 2>/dev/null && pwd -P)
there='' named=''
{ read -r there && read -r named; } 2>/dev/null <"$state/origin" || :
is_our_tree() { [ -n "$real" ] && [ "$named" = "$real" ]; }

# The engines that have containers of any job, or can't tell: each is asked once, not for every job.
engines=' '
for each in "$state"/jobs/*; do
  engine=
  read -r engine 2>/dev/null <"$each/engine" || continue
  case $engines in *" $engine "*) continue ;; esac
  if found=$(ask_engine "$each" ps -aq --filter label=mlcube-ssh.job 2>/dev/null) && [ -z "$found" ]; then continue; fi
  engines="$engines$engine "
done

# Prints the containers of the job $1, or with $2 those that are in this state; nothing where its engine can't tell.
containers_of() {
  engine=
  read -r engine 2>/dev/null <"$1/engine" || return 0
  case $engines in *" $engine "*) present_containers "$1" ${2:+--filter "status=$2"} || : ;; esac
}

# Whether the job $1 runs, or may do so where nobody can tell from here. One with a status has ended, but for what a stop
# could not end; one that is lost may have left processes.
runs() {
  job_state "$1"
  case $how$why in
    running | elsewhere | unknown | lostremains) return 0 ;;
    *left) if has_remains "$1"; then return 0; fi ;;
  esac
  [ -n "$(container_processes "$1")$(containers_of "$1" running)" ]
}

# Sets `busy` to the first of these jobs that runs, or whose container does; `unknown` for one that can't be looked at.
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

# The newest job: another one, later, means that something ran meanwhile.
newest_job() {
  # Ids begin with the time, and hold neither blanks nor wildcards.
  # shellcheck disable=SC2012
  ls "$state/jobs" 2>/dev/null | sort | tail -n 1
}

# Whether the environment is one that we made; one that was only filled may be the user's own.
is_our_environment() {
  [ -n "$environment" ] && [ -d "$environment" ] &&
    { [ -f "$environment/.mlcube-ssh-made" ] || [ -f "$environment/.mlcube-ssh-begun" ]; }
}

# Whether the workspace lies in the tree.
is_in_tree() { case $workspace in "$base"/*) return 0 ;; *) return 1 ;; esac }
