# shellcheck shell=bash
# What quickstart and check share: words on the terminal, Debian packages, watched steps.

say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# runs_as USER COMMAND...: as that account when we are root, else as ourselves.
runs_as() {
	local user=$1
	shift
	if [ "$(id -u)" -eq 0 ] && [ "$user" != root ]; then
		runuser -u "$user" -- "$@"
	else
		"$@"
	fi
}

# Ctrl-C must reach a step's command too: the shell starts it with SIGINT ignored.
STEP_PID=''
trap '[ -z "$STEP_PID" ] || kill "$STEP_PID"; echo; exit 130' INT TERM

# step TEXT COMMAND...: runs it with its output in $LOG, shows how long it takes, and on failure
# the end of what it said.
step() {
	local text=$1 start=$SECONDS pid status=0 shown=0
	shift
	printf '== %s\n' "$text" >>"$LOG"
	printf '%s ...' "$text"
	"$@" >>"$LOG" 2>&1 </dev/null &
	pid=$!
	STEP_PID=$pid
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		if [ $((SECONDS - start - shown)) -ge 5 ]; then
			shown=$((SECONDS - start))
			printf ' %ds' "$shown"
		fi
	done
	wait "$pid" || status=$?
	STEP_PID=''
	if [ "$status" -ne 0 ]; then
		printf ' failed (exit %d). The end of %s:\n\n' "$status" "$LOG"
		tail -n 30 "$LOG" | sed 's/^/    /'
		return "$status"
	fi
	printf ' done (%ds)\n' $((SECONDS - start))
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages TOP GROUP...: installs what of these groups is missing, saying what and why.
install_packages() {
	local top=$1 group package command why missing=() present=0 sudo=()
	shift
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		die "This is not Debian: install what contrib/packages lists yourself, then use --no-install."
	fi
	while IFS='|' read -r group package command why; do
		group=${group// /} package=${package// /} command=${command// /}
		case " $* " in *" $group "*) ;; *) continue ;; esac
		if { [ -n "$command" ] && command -v "$command" >/dev/null; } || is_installed "$package"; then
			present=$((present + 1))
			continue
		fi
		[ ${#missing[@]} -gt 0 ] || say "Debian packages to install:"
		printf '  %-22s %s\n' "$package" "${why# }"
		missing+=("$package")
	done < <(grep -v '^#' "$top/contrib/packages")
	if [ ${#missing[@]} -eq 0 ]; then
		say "Debian packages: all $present needed are installed."
		return 0
	fi
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "Not root and no sudo. Let root run: apt-get install ${missing[*]}"
		sudo -v || die "sudo was refused. Let root run: apt-get install ${missing[*]}"
		sudo=(sudo)
	fi
	step "Reading the package lists" "${sudo[@]}" apt-get update -q || return 1
	step "Installing ${#missing[@]} packages" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# configure_in TOP BUILD OPTIONS...: makes configure where needed and runs it in BUILD.
configure_in() {
	local top=$1 build=$2 newer
	shift 2
	newer=$(find "$top/configure.ac" "$top/Makefile.am" -newer "$top/configure" 2>/dev/null || true)
	if [ ! -x "$top/configure" ] || [ -n "$newer" ]; then
		step "Making configure" env -C "$top" autoreconf -fi || return 1
	fi
	mkdir -p "$build"
	if [ ! -f "$build/Makefile" ] || [ "$top/configure" -nt "$build/config.status" ] ||
		[ "$*" != "$(cat "$build/.options" 2>/dev/null)" ]; then
		step "Configuring" env -C "$build" "$top/configure" "$@" || return 1
		printf '%s\n' "$*" >"$build/.options"
	fi
}

# The account that runs PostgreSQL and the workers when we are root.
ensure_account() {
	[ "$(id -u)" -eq 0 ] || return 0
	getent passwd "$1" >/dev/null && return 0
	say "Creating the system account $1 (workers and PostgreSQL run as it, not as root)."
	useradd --system --user-group --no-create-home --home-dir /nonexistent \
		--shell /usr/sbin/nologin "$1"
}
