#!/bin/sh
# Recommends Slurm where a job is launched without it.
# shellcheck disable=SC2154 # start.sh sets state

# Warns, once for each tree, if this host looks like a login node, where long processes are unwelcome. Slurm's programs
# alone aren't proof: a controller must reply.
advise_slurm() {
  [ ! -f "$state/slurm-advised" ] && command -v sbatch >/dev/null || return 0
  printf '' >"$state/slurm-advised" || return 0
  case $(timeout -s KILL 3 scontrol ping 2>/dev/null </dev/null) in *' UP'*) ;; *) return 0 ;; esac
  printf 'warning %s\n' "$(uname -n) looks like a login node of Slurm, which may end long processes; 'launcher: {type: slurm}' in the platform's section submits jobs, 'launcher: {type: direct}' starts them here without this line"
}
