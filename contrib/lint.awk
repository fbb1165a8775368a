# The rules of the tree that no compiler knows: awk -f contrib/lint.awk FILE...
# Prints "file:line: what is wrong" and ends with 1 when there was anything.

BEGIN {
	# A folder of src/ is a layer. It includes itself and what stands below, never a sibling.
	level["base"] = 0
	level["task"] = level["crypto"] = level["markup"] = 1
	level["net"] = level["db"] = 2
	level["hub"] = 3
	level["ap"] = level["connector"] = level["media"] = 4
	level["peer"] = 5
	level["web"] = level["ctl"] = 6
	level["main"] = 7

	# header of a foreign library -> the only code that may include it
	owner["^event2/"] = "^src/(task/|net/|db/conn[.]c)"
	owner["^curl/"] = "^src/net/http[.]c"
	owner["^libpq"] = "^src/db/"
	owner["^openssl/"] = "^src/crypto/"
	owner["^(libxml/|gumbo[.]h)"] = "^src/markup/"
	owner["^(vips/|seccomp[.]h|linux/seccomp[.]h)"] = "^src/media/helper/"
	owner["^confuse[.]h"] = "^src/base/conf[.]c"
	owner["^(idn2|uni(case|ctype|gbrk|lbrk|name|norm|str|types|wbrk|width))[.]h"] = "^src/base/"
	owner["^zlib[.]h"] = "^src/net/"
	owner["^systemd/"] = "^src/main/"
	owner["^cmocka[.]h"] = "^tests/"

	# function -> why it is banned and what to use; anywhere in our code
	ban("strcpy strcat stpcpy strncpy strncat", "has no honest limit; use span, buf or snprintf")
	ban("sprintf vsprintf gets", "has no limit; use buf_printf or snprintf")
	ban("strtok strtok_r strsep", "changes its input; use span_cut")
	ban("atoi atol atoll atof sscanf fscanf scanf", "cannot tell an error; use span_i64 or span_u64")
	ban("alloca strdupa strndupa", "takes stack without a limit; use the arena")
	ban("localtime localtime_r gmtime gmtime_r ctime ctime_r asctime asctime_r mktime timegm",
		"depends on TZ or on static memory; use base/clock.h")
	ban("rand srand random srandom drand48 tmpnam tempnam mktemp", "can be guessed")
	ban("system popen", "starts a shell; use execve with a list")
	# Its handlers do; ignoring and the default do not, see check_words.
	ban("signal", "differs between systems; use loop_on_signal or sigaction")
	ban("setlocale", "is of the whole process; languages are per request, see markup/tr.h")
	# the same, but with a place where it belongs
	ban("malloc calloc realloc reallocarray strdup strndup asprintf vasprintf",
		"may return NULL; use the arena or xmalloc and its kin", "^(src/base/arena[.]c|tests/|src/media/helper/)")
	ban("time gettimeofday clock_gettime", "cannot be replaced in tests; use base/clock.h",
		"^(src/base/clock[.]c|tests/|src/media/helper/)")
	ban("sleep usleep nanosleep", "stops the loop; use await_sleep", "^(tests/|src/(ctl|main|media/helper)/|src/db/migrate[.]c)")
	# The benchmarks measure the same work without our client and server around it.
	ban("curl_easy_init curl_multi_init curl_global_init", "belongs to the one HTTP client",
		"^(src/net/http[.]c|tests/bench/)")
	ban("evhttp_new evhttp_start", "belongs to the one HTTP server", "^(src/net/httpd|tests/bench/)")
	ban("PQexec PQexecParams PQprepare PQsendQuery PQsendQueryParams PQsendPrepare",
		"goes past the statement tables; use db/batch.h", "^(src/db/|tests/)")
	ban("dlopen setenv putenv unsetenv", "changes the whole process", "^(tests/|src/(main|media/helper)/)")
}

function ban(names, why, allowed,   a, i, n) {
	n = split(names, a, " ")
	for (i = 1; i <= n; i++) {
		banned[a[i]] = why
		place[a[i]] = allowed
	}
}

function complain(what) {
	printf "%s:%d: %s\n", path, FNR, what
	bad = 1
}

# The line without comments and without what stands in quotes; in_comment lasts over lines.
function code_of(s,   out, c, q) {
	out = ""
	while (s != "") {
		if (in_comment) {
			c = index(s, "*/")
			if (!c)
				return out
			s = substr(s, c + 2)
			in_comment = 0
			out = out " "
			continue
		}
		if (!match(s, /\/\*|\/\/|["']/))
			return out s
		out = out substr(s, 1, RSTART - 1)
		q = substr(s, RSTART, RLENGTH)
		s = substr(s, RSTART + RLENGTH)
		if (q == "//")
			return out
		if (q == "/*") {
			in_comment = 1
			continue
		}
		# A digit separator or an apostrophe of #error ends with the line, which is enough.
		while (s != "") {
			c = substr(s, 1, 1)
			if (c == "\\") {
				s = substr(s, 3)
				continue
			}
			s = substr(s, 2)
			if (c == q)
				break
		}
		out = out q q
	}
	return out
}

function check_include(line,   name, dir, file) {
	if (match(line, /"[^"]*"/)) {
		name = substr(line, RSTART + 1, RLENGTH - 2)
		n_own++
		if (name !~ /^[a-z0-9_]+(\/[a-z0-9_]+)+[.](h|def)$/ && name != "config.h")
			complain("include \"" name "\": write it as \"layer/file.h\"")
		dir = name
		sub(/\/.*/, "", dir)
		if (layer != "" && name != "config.h") {
			if (!(dir in level))
				complain("include \"" name "\": there is no layer \"" dir "\"")
			else if (dir != layer && level[dir] >= level[layer])
				complain("include \"" name "\": layer " layer " (" level[layer] \
					") may not know " dir " (" level[dir] ")")
		}
		if (n_own + n_foreign == 1)
			first = name
		return
	}
	if (!match(line, /<[^>]*>/))
		return
	name = substr(line, RSTART + 1, RLENGTH - 2)
	n_foreign++
	if (n_own + n_foreign == 1)
		first = name
	for (o in owner)
		if (name ~ o && path !~ owner[o] && path !~ /^tests\//)
			complain("include <" name ">: only " owner[o] " may know this library")
}

function check_words(code,   rest, word, at) {
	rest = code
	while (match(rest, /[A-Za-z_][A-Za-z0-9_]*[ \t]*[(]/)) {
		word = substr(rest, RSTART, RLENGTH)
		at = RSTART > 1 ? substr(rest, RSTART - 1, 1) : ""
		rest = substr(rest, RSTART + RLENGTH)
		sub(/[ \t]*[(]$/, "", word)
		# A member of that name (ops->time(...)) is another thing.
		if (word == "signal" && rest ~ /^SIG[A-Z0-9]+, SIG_(IGN|DFL)[)]/)
			continue
		if ((word in banned) && at != "." && at != ">" && at !~ /[0-9]/ &&
			!(place[word] != "" && path ~ place[word]))
			complain(word "() " banned[word])
	}
}

# Outside hub/ and the queue no statement is written: ^static const struct db_stmt.
function check_statement(code) {
	if (layer != "" && layer != "hub" && path != "src/db/queue.c" &&
		code ~ /^(static )?const struct db_stmt [a-z0-9_]+( |$)/)
		complain("SQL stands in src/hub/ and src/db/queue.c only")
}

function ended() {
	if (path !~ /[.]c$/ || own_header == "" || first == own_header)
		return
	printf "%s:1: include \"%s\" first, so that it is known to stand alone\n", path, own_header
	bad = 1
}

FNR == 1 {
	if (path != "")
		ended()
	path = FILENAME
	sub(/^.*\/\.\//, "", path)
	sub(/^\.\//, "", path)
	in_comment = n_own = n_foreign = 0
	first = layer = own_header = ""
	if (path ~ /^src\//) {
		layer = path
		sub(/^src\//, "", layer)
		own_header = layer
		if (layer !~ /\//) {
			complain("a source stands in the folder of its layer")
			layer = ""
		}
		sub(/\/.*/, "", layer)
		if (layer != "" && !(layer in level)) {
			complain("src/" layer " is in no level of contrib/lint.awk")
			level[layer] = 99
		}
		sub(/[.]c$/, ".h", own_header)
		if ((getline dummy < ("src/" own_header)) < 0)
			own_header = ""
		else
			close("src/" own_header)
	}
}

{
	was_comment = in_comment
	code = code_of($0)
	if (!was_comment && code ~ /^[ \t]*#[ \t]*include/)
		check_include($0)
	else if (code !~ /^[ \t]*#[ \t]*error/) {
		check_words(code)
		check_statement(code)
	}
	if (code ~ /^[ \t]*#[ \t]*define[ \t]+NDEBUG/)
		complain("asserts stay on in production")
	if (/[ \t]$/)
		complain("white space at the end of the line")
}

END {
	if (path != "")
		ended()
	exit bad
}
