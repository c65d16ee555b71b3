#!/bin/sh
# Starts a job in a session of its own on this host.
# Given, beside what start.sh needs:
#   advised  the batch systems that are recommended where the host has them; none if the settings name a launcher
# shellcheck disable=SC2154 # start.sh sets job, base and the rest; place.sh view and shims

# Checks whether the host kills a user's processes at logout (logind.conf(5), KillUserProcesses).
kills_at_logout() { case $(loginctl show-session -p KillUserProcesses 2>/dev/null) in *=yes) ;; *) return 1 ;; esac }

# Sets `scope` to the command that starts a job on a host where the command $1… says that it kills: a scope of the user's
# own manager is spared if lingering keeps that manager alive after the logout. Sets `ends_at_logout` to why a job has
# none although it needs one: `no-linger` or `no-scope`; then `advice` says more.
scope=
find_scope() {
  ends_at_logout=
  "$@" || return 0
  ends_at_logout=no-linger advice="\`loginctl enable-linger\` on that host prevents that"
  case $(loginctl show-user "$(id -un)" -p Linger 2>/dev/null) in
    *=yes)
      scope='systemd-run --user --scope --quiet'
      # shellcheck disable=SC2086 # words of our own
      if with_words timeout -s KILL 15 $scope true; then
        ends_at_logout=
        return 0
      fi
      scope='' ends_at_logout=no-scope
      advice="lingering is on, but \`systemd-run --user --scope\` fails: ${words:-it gave no reason}"
      ;;
  esac
}

# Waits until the job has a leader of its own; from then on this session may be ended. If no leader appears, its process
# is killed and everything of the job is removed.
wait_for_leader() {
  leads=$$ hundredths=3000
  while [ "$leads" = $$ ] && [ ! -f "$job/status" ]; do
    if [ "$hundredths" -le 0 ] || ! kill -0 "$starting" 2>/dev/null; then
      # It may have become leader and ended between the two checks.
      read -r leads _ <"$job/leader"
      if [ "$leads" != $$ ] || [ -f "$job/status" ]; then break; fi
      kill -KILL "$starting" 2>/dev/null
      abandon no-leader "$(tail -n 1 "$job/log")"
    fi
    # This usually takes 30 ms. More looks would take the processor from the leader.
    if [ "$hundredths" -gt 2970 ]; then
      sleep 0.03
      hundredths=$((hundredths - 3))
    else
      sleep 0.1
      hundredths=$((hundredths - 10))
    fi
    read -r leads _ <"$job/leader"
  done
}

# Starts the job. Arguments: mlcube's words.
launch_by_direct() {
  # Meanwhile: the question takes as long as five small programs.
  kills_at_logout &
  asking=$!
  place_shims
  plain_view
  if [ -n "$settings" ]; then
    MLCUBE_SYSTEM_SETTINGS=$job/settings.yaml
    export MLCUBE_SYSTEM_SETTINGS
  fi
  find_scope wait "$asking"
  [ -z "$ends_at_logout" ] ||
    printf 'warning %s\n' "$(uname -n) ends your processes when you log out, this job too when the connection closes; $advice"
  level=$1 phase=$2
  shift 2
  [ "$phase" != run ] || for batch in $advised; do "advise_$batch"; done
  # Absolute: a relative path would be resolved through the link.
  set -- "$level" "$phase" "--mlcube=$base/$root/$file" ${workspace:+"--workspace=$workspace"} "$@"
  MLCUBE_SSH_VARIABLES=$variables PYTHONUNBUFFERED=1
  export MLCUBE_SSH_VARIABLES PYTHONUNBUFFERED
  # On its own line, with no descriptor of this session: an inherited one would keep the session open.
  # shellcheck disable=SC2086 # words of our own
  setsid $scope sh "$job/run" job="$job" lock="$lock" view="$view" shims="$shims" mask="$mask" space="$this_space" cube="$base/$root" \
    python="$python" log_limit="$log_limit" locale="$user_locale" -- "$@" </dev/null >"$job/log" 2>&1 3<&- &
  starting=$!
  wait_for_leader
}
