/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/families.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCH         AUDIT_ARCH_X86_64
#define OTHER_SOCKET 359          /* i386 */
#define NR_MASK      ~0x40000000U /* __X32_SYSCALL_BIT */
#elif defined(__aarch64__)
#define ARCH         AUDIT_ARCH_AARCH64
#define OTHER_SOCKET 281 /* arm */
#define NR_MASK      ~0U
#endif

#define OTHER_SOCKETCALL 102 /* arm has none */
#define IO_URING_SETUP   425 /* everywhere */

#define LOAD(field)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(k, yes, no)   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)
#define FAIL(error)      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int run_families_limit(struct err *err)
{
#ifdef ARCH
	struct sock_filter filter[] = {
		LOAD(arch),
		IF(ARCH, 4, 0),
		LOAD(nr),
		IF(OTHER_SOCKET, 6, 0),
		IF(OTHER_SOCKETCALL, 8, 0),
		IF(IO_URING_SETUP, 7, 6),
		LOAD(nr),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, NR_MASK),
		IF(IO_URING_SETUP, 4, 0),
		IF(SYS_socket, 0, 2),
		LOAD(args[0]),
		IF(AF_VSOCK, 2, 0),
		ALLOW,
		FAIL(ENOSYS),
		FAIL(EAFNOSUPPORT),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return err_sys(err, "filter AF_VSOCK");
#else
	(void)err;
#endif
	return 0;
}
