#!/bin/sh
# Recommends Slurm where a job is launched without it.
# shellcheck disable=SC2154 # start.sh sets state

# Checks whether this host looks like a login node, where long processes are unwelcome. Slurm's programs alone aren't
# proof: a controller must reply.
is_login_node_of_slurm() {
  command -v sbatch >/dev/null || return 1
  case $(timeout -s KILL 3 scontrol ping 2>/dev/null </dev/null) in *' UP'*) ;; *) return 1 ;; esac
}

# Warns of a login node, once for each tree.
advise_slurm() {
  [ ! -f "$state/slurm-advised" ] && command -v sbatch >/dev/null || return 0
  printf '' >"$state/slurm-advised" || return 0
  is_login_node_of_slurm || return 0
  printf 'warning %s\n' "$(uname -n) looks like a login node of Slurm, which may end long processes; 'launcher: {type: slurm}' in the platform's section submits jobs, 'launcher: {type: direct}' starts them here without this line"
}
