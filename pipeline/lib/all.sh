# All of the library, for the jobs and the programs. Functions and constants only: nothing happens here.
# shellcheck shell=bash
export LC_ALL=C.UTF-8
HONE_HOME=${HONE_HOME:-$(cd -- "${BASH_SOURCE[0]%/*}/../.." && pwd)}
export HONE_HOME
# shellcheck source=pipeline/lib/git.sh
source "${BASH_SOURCE[0]%/*}/git.sh"
# shellcheck source=pipeline/lib/supervise.sh
source "${BASH_SOURCE[0]%/*}/supervise.sh"
# shellcheck source=pipeline/lib/mail.sh
source "${BASH_SOURCE[0]%/*}/mail.sh"
# shellcheck source=pipeline/lib/push.sh
source "${BASH_SOURCE[0]%/*}/push.sh"
# shellcheck source=pipeline/lib/chain.sh
source "${BASH_SOURCE[0]%/*}/chain.sh"
