#!/bin/sh
# Submits a job to Slurm.
# Given, beside what start.sh needs:
#   launcher_args  the user's options of sbatch, one a line
#   setup          the user's own line for the node
#   needed_engine  the container engine, or nothing if it isn't called by its name
#   image          the one that the tasks need, or nothing if that isn't known
# shellcheck disable=SC2154 # start.sh sets job, base and the rest, slurm.sh words and number

# Sets `quoted` to $1 as one word of a shell.
quote() {
  quoted='' rest=$1
  while :; do
    case $rest in
      *\'*) quoted=$quoted${rest%%\'*}\'\\\'\' rest=${rest#*\'} ;;
      *) break ;;
    esac
  done
  quoted=\'$quoted$rest\'
}

# Prints lines that set the variables with these names to their values.
print_values() {
  for name; do
    # The names are checked: words of ours, or the client's.
    eval "quote \"\${$name-}\""
    printf '%s=%s\n' "$name" "$quoted"
  done
}

# Writes what the node needs: the scripts, and the values for them. Those of --env stand in a file of their own, which
# the node removes when it has read it: the rest remains readable for Slurm's administrators and in the job's folder.
write_for_node() {
  printf '%s\n' "$shim" >"$job/shim" &&
    {
      print_values base root file workspace lock python log_limit mask variables user_locale settings setup \
        needed_engine image
      printf 'set --'
      for word; do
        quote "$word"
        printf ' %s' "$quoted"
      done
      printf '\n'
    } >"$job/given" || return
  [ -z "$variables" ] && return
  # shellcheck disable=SC2086 # names
  (umask 077 && print_values $variables >"$job/secrets")
}

# Hands a job to sbatch, with the user's options and these; sets `words` to all that it prints. The job's own options
# come last, so that they count. --no-requeue comes first: the user may want the opposite. A relative name for the log,
# since sbatch replaces `%` in it.
call_sbatch() {
  set -- --open-mode=append --export=ALL "$@"
  last=$#
  while IFS= read -r option; do
    [ -z "$option" ] || set -- "$@" "$option"
  done <<OPTIONS
$launcher_args
OPTIONS
  # The user's options are behind those of the job: these go to the end.
  while [ "$last" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    last=$((last - 1))
  done
  words=$(
    # Slurm keeps the whole environment of a submission. What the account has set for sbatch counts (SBATCH_ACCOUNT),
    # except what isn't for one job that reads nothing, isn't waited for, and is found again by its number.
    # shellcheck disable=SC2086 # names
    unset $variables SBATCH_ARRAY_INX SBATCH_CLUSTERS SBATCH_EXPORT SBATCH_GET_USER_ENV SBATCH_INPUT SBATCH_SIGNAL \
      SBATCH_WAIT SLURM_RESTART_COUNT
    cd "$job" && printf '#!/bin/sh\nexec sh ./run\n' |
      timeout -s KILL "$sbatch_limit" sbatch --no-requeue "$@" --chdir="$job" 2>&1
  )
}
sbatch_limit=120

# Sets `words` to the reason in what sbatch printed.
read_refusal() {
  refused=$(printf '%s\n' "$words" | grep 'error: ' | tail -n 3 | tr '\n' ' ')
  refused=${refused% }
  # After a word that it doesn't know, sbatch recommends its help.
  [ -n "$refused" ] || refused=$(printf '%s\n' "$words" | grep . | grep -v '^Try "sbatch --help"' | tail -n 1)
  words=$refused
}

# Removes everything of a job that Slurm has refused, with Slurm's own words.
refuse_submission() {
  words=${words##*Batch job submission failed: }
  abandon refused "${words#sbatch: error: }"
}

# Submits the job. Arguments: mlcube's words.
launch_by_slurm() {
  command -v sbatch >/dev/null || abandon no-sbatch
  with_words write_for_node "$@" || abandon not-writable "$job: $words"
  call_sbatch --parsable --job-name="mlcube-ssh-$id" --output=log --error=log
  submitted=$?
  # A site's own sbatch may print more; `;` precedes the name of the cluster. Of several numbers none is known to be the
  # job's, which is then found by its name.
  number=$(printf '%s\n' "$words" | sed -n 's/^\([0-9][0-9]*\)\(;.*\)\{0,1\}$/\1/p')
  case $number in *[!0-9]*) number= ;; esac
  if [ "$submitted" = 0 ] && [ -n "$number" ]; then
    # A node writes it, too, and a follower looks for it.
    with_words note_number "$job" "$number" || printf 'warning %s\n' "can't note the job's number: $words"
    return 0
  fi
  read_refusal
  refused=$words
  case $words in *'Unable to contact'*) abandon no-slurm "$words" ;; esac
  # The reply may be what was lost.
  find_number "$job" || problem no-slurm "$words"
  words=$refused
  [ -z "$number" ] || return 0
  # The controller may still be about to make the job, or sbatch hasn't told its number: it is looked for by its name
  # again.
  case $submitted$words in 0* | 137* | *[Tt]imed\ out*) problem no-slurm "${words:-sbatch doesn\'t reply}" ;; esac
  refuse_submission
}
