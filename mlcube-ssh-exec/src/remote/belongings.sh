#!/bin/sh
# What is ours on this host, of one cube, and which jobs are in the way of removing it.
# $1 base, $2 our own folder, $3 the workspace, $4 the environment's folder (empty: none of ours).
# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; jobs.sh sets how

base=$(absolute "$1") state=$(absolute "$2") workspace=$(absolute "$3") environment=${4:+$(absolute "$4")}
shift 4

# Nothing that can be a user's own: a wrong setting must not make the home folder ours.
case $base in / | "$HOME" | "$HOME/") problem not-ours "$base" ;; esac

# The jobs of which processes are alive, wherever they have gone.
alive=$(cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | sed -n 's/^MLCUBE_SSH_JOB=//p' | sort -u | tr '\n' ' ')

# The engines that have containers of any job.
engines=
# shellcheck disable=SC2013 # paths without blanks: mlcube could not call them otherwise
for engine in $(cat "$state"/jobs/*/engine 2>/dev/null | sort -u); do
  [ -z "$("$engine" ps -aq --filter label=mlcube-ssh.job 2>/dev/null)" ] || engines="$engines$engine "
done

# The containers of the job $1.
containers_of() {
  for engine in $engines; do
    "$engine" ps -aq --filter "label=mlcube-ssh.job=${1##*/}" 2>/dev/null
  done
}

# Whether the job $1 runs, or may do so where nobody can tell from here.
runs() {
  job_state "$1"
  case $how in running | elsewhere) return 0 ;; esac
  case " $alive" in *" ${1##*/} "*) return 0 ;; *) return 1 ;; esac
}

# Sets `busy` to the first of these jobs that runs, or whose container does.
find_busy() {
  for job; do
    [ -d "$job" ] || continue
    if runs "$job" || [ -n "$(containers_of "$job")" ]; then
      busy=${job##*/}
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

# Whether the environment is one that we made or filled.
is_our_environment() {
  [ -n "$environment" ] && [ -d "$environment" ] &&
    { [ -f "$environment/.mlcube-ssh-whole" ] || [ -f "$environment/.mlcube-ssh-begun" ]; }
}

# Whether the workspace lies in the tree.
is_in_tree() { case $workspace in "$base"/*) return 0 ;; *) return 1 ;; esac }
