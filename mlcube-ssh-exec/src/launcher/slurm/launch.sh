#!/bin/sh
# Submits a job to Slurm.
# Given, beside what start.sh needs: launcher_args, the user's options of sbatch, one a line; setup, the user's own line
# for the node; needed_engine, the container engine, or nothing if it isn't called by its name; image, the one that the
# tasks need, or nothing if that isn't known.
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

# Removes everything of a job that Slurm refused; the problem quotes Slurm's own words.
refuse_submission() {
  words=${words##*Batch job submission failed: }
  abandon no-submit "${words#sbatch: error: }"
}

# Submits the job. Arguments: mlcube's words.
launch_by_slurm() {
  command -v sbatch >/dev/null || abandon no-sbatch
  with_words write_for_node "$@" || abandon not-writable "$job: $words"
  set --
  while IFS= read -r option; do
    [ -z "$option" ] || set -- "$@" "$option"
  done <<OPTIONS
$launcher_args
OPTIONS
  # The job's own options come last, so that they count. A relative name for the log, since sbatch replaces `%` in it.
  # --no-requeue comes first: the user may want the opposite.
  words=$(
    # Slurm stores the environment of a submission, so the task's variables are unset. The SBATCH_ variables would make
    # the job an array, wait for it, or change its environment.
    # shellcheck disable=SC2086 # names
    unset $variables SBATCH_ARRAY_INX SBATCH_WAIT SBATCH_GET_USER_ENV SBATCH_EXPORT
    cd "$job" && printf '#!/bin/sh\nexec sh ./run\n' | timeout -s KILL 120 sbatch --no-requeue "$@" --parsable \
      --job-name="mlcube-ssh-$id" --chdir="$job" --output=log --error=log --open-mode=append --export=ALL 2>&1
  )
  submitted=$?
  number=$(printf '%s\n' "$words" | tail -n 1)
  number=${number%%;*}
  case $submitted$number in
    0*[!0-9]* | 0) submitted=1 ;;
  esac
  if [ "$submitted" = 0 ]; then
    note_number "$job" "$number" || abandon not-writable "$job"
    return 0
  fi
  words=$(printf '%s\n' "$words" | grep . | tail -n 1)
  refused=$words
  case $words in *'Unable to contact'*) abandon no-slurm "$words" ;; esac
  # Perhaps only the reply was lost.
  find_number "$job" || problem no-slurm "$words"
  words=$refused
  [ -z "$number" ] || return 0
  # The controller may still be creating the job: a later call looks for its name again.
  case $submitted$words in 137* | *[Tt]imed\ out*) problem no-slurm "${words:-sbatch doesn\'t reply}" ;; esac
  refuse_submission
}
