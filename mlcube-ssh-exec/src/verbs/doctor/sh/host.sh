#!/bin/sh
# Checks of the host: what becomes of processes after a logout, and its batch system. The launchers' functions are
# before it.
# shellcheck disable=SC2154 # doctor.sh is given what these read

# A job runs in a session of its own, and goes on when the connection closes.
check_logout() {
  command -v setsid >/dev/null || problem no-setsid
  setsid true || problem no-setsid
  # shellcheck disable=SC2317 # kills_at_logout calls it
  loginctl() { timeout -s KILL 5 loginctl "$@"; }
  find_scope kills_at_logout
  case $ends_at_logout in
    '') printf 'found %s\n' 'jobs go on after a logout' ;;
    *)
      printf 'warning %s %s\n' "$ends_at_logout" \
        "$(uname -n) ends your processes when you log out, jobs too when the connection closes; $advice"
      ;;
  esac
}

# Lets Slurm judge a submission, and submits nothing.
check_slurm() {
  command -v sbatch >/dev/null || problem no-sbatch
  # shellcheck disable=SC2034 # call_sbatch reads them
  job=$work variables='' sbatch_limit=10
  if call_sbatch --test-only --output=/dev/null --error=/dev/null; then
    printf 'found %s\n' "Slurm takes the job: $(printf '%s\n' "$words" | grep . | tail -n 1)"
    return 0
  fi
  read_refusal
  case $words in
    *'Unable to contact'* | *[Tt]imed\ out*) problem no-slurm "$words" ;;
    '') problem no-slurm "sbatch doesn't reply" ;;
  esac
  problem refused "$words"
}

# A login node of a batch system may end long processes.
check_login_node() {
  for batch in $advised; do
    if "is_login_node_of_$batch"; then
      printf 'warning login-node %s\n' "$(uname -n) looks like a login node of $batch, which may end long processes"
      return 0
    fi
  done
  printf 'found %s\n' "$(uname -n) is no login node of a batch system"
}

host_checks() {
  if [ "$launcher" = slurm ]; then
    if [ -n "$work" ]; then run slurm check_slurm; else run slurm lack tree; fi
  else
    run logout check_logout
    [ -z "$advised" ] || run login-node check_login_node
  fi
}
