#!/bin/sh
# Finds what this host holds of one cube, and which jobs prevent its removal.
# Given:
#   base         the remote tree
#   state        the state folder
#   workspace    of the document
#   environment  the folder of the python environment, or nothing if it isn't ours
# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; jobs.sh sets how, the client what is given

locate_places
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
found_origin='' named=''
{ read -r found_origin && read -r named; } 2>/dev/null <"$state/origin" || :
is_our_tree() { [ -n "$real" ] && [ "$named" = "$real" ]; }

# Sets `engine` to the engine that was asked to make a container for the job $1; fails if none was.
engine_of() {
  engine=
  has_asked_for_container "$1" && read -r engine 2>/dev/null <"$1/engine"
}

# One a line: the engines that were asked; of these, `empty`, those that have no container of any job, and `silent`,
# those that didn't reply. Each engine is asked once, not once per job.
line_end='
'
engines=$line_end empty=$line_end silent=$line_end
ask_once() {
  case $engines in *"$line_end$engine$line_end"*) return 0 ;; esac
  engines=$engines$engine$line_end
  if ! found=$(ask_engine "$1" ps -aq --filter label=mlcube-ssh.job 2>/dev/null); then
    silent=$silent$engine$line_end
  elif [ -z "$found" ]; then
    empty=$empty$engine$line_end
  fi
}

# Sets `containers` to those of the job $1, with $2 only those in that state; fails if the job's engine doesn't reply.
find_containers() {
  containers=
  engine_of "$1" || return 0
  ask_once "$1"
  case $silent in *"$line_end$engine$line_end"*) return 1 ;; esac
  case $empty in *"$line_end$engine$line_end"*) return 0 ;; esac
  containers=$(present_containers "$1" ${2:+--filter "status=$2"})
}

# Prints the engine of the job $2, which didn't reply, after the word or words $1; each engine once.
told_silent=$line_end
tell_silent() {
  engine_of "$2" || return 0
  case $told_silent in *"$line_end$engine$line_end"*) return 0 ;; esac
  told_silent=$told_silent$engine$line_end
  printf '%s %s\n' "$1" "$engine"
}

# Checks whether the job $1 runs, or may run if this machine can't tell. A job with a status has ended, except for what
# a stop couldn't end; a lost job may have left processes. An engine that doesn't reply proves neither: it may be gone
# for good.
runs() {
  job_state "$1"
  case $how:$why in
    running: | pending:* | elsewhere: | unknown: | lost:remains) return 0 ;;
    *:left) if has_remains "$1"; then return 0; fi ;;
  esac
  [ -z "$(container_processes "$1")" ] || return 0
  find_containers "$1" running && [ -n "$containers" ]
}

# Sets `busy` to the first of the given jobs that runs or whose container runs, with `@NODE` if it runs on another node;
# to `unknown` if its state can't be read.
find_busy() {
  for job; do
    [ -d "$job" ] || continue
    if runs "$job"; then
      busy=${job##*/}
      case $how in
        unknown) busy=unknown ;;
        elsewhere) busy=$busy@${its_host%%/*} ;;
      esac
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

# Checks whether a line of a listing is the path of such a folder of ours. A task may have made folders whose names hold
# newlines, so that a line of the listing is the path of something else.
is_partial() {
  case $1 in
    */../*) return 1 ;;
    "$base"/*.mlcube-ssh-partial | "$state"/workspaces/*.mlcube-ssh-partial) ;;
    *) return 1 ;;
  esac
  [ "${1##*/}" = .mlcube-ssh-partial ] && [ -d "$1" ] && [ ! -L "$1" ]
}
