/*
 * Sandbox: what the helper gives up before it touches a stranger's bytes.
 *
 * Two stages, one on top of the other. SANDBOX_HELPER, once at the start: no new privileges, no
 * file and no network (Landlock where the kernel has it, seccomp everywhere), no writing to
 * files, no core, 512 MiB of address space. SANDBOX_DECODER, in the process that decodes one
 * picture: besides, no other process, and FRAME_CPU_S of CPU. What the filter does not list
 * fails with EPERM; what only an intruder would try ends the process.
 *
 * Each stage succeeds as a whole or returns false; the program then ends: it never decodes
 * outside of it. Landlock alone may be missing. Built with a sanitizer, whose shadow memory
 * takes terabytes of address space, there is no limit on that.
 */
#ifndef MEDIA_HELPER_SANDBOX_H
#define MEDIA_HELPER_SANDBOX_H

#include <stdbool.h>

#include "base/attr.h"

enum sandbox_stage {
	SANDBOX_HELPER,
	SANDBOX_DECODER,
};

/* cpu_s counts in the stage SANDBOX_DECODER only. */
bool sandbox_enter(enum sandbox_stage stage, unsigned cpu_s) MUST_CHECK;

#endif
