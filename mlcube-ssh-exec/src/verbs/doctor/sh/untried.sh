#!/bin/sh
# What takes the place of a check that isn't made.

# For one that has nothing to try, for the reason $1.
pass_over() { printf 'found %s\n' "not tried: $1"; }

# For one that can't be made because the check $1 has failed.
lack() { printf 'warning untried %s\n' "not tried, because \`$1\` failed"; }
