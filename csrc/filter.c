//go:build ignore
// SPDX-License-Identifier: GPL-3.0-or-later
#include "filter.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

// The program has one aim above all: nobody in a run can make a set-uid file, because in a share such a file is the human's on
// disk. Only what a register says can be judged: calls that hide flags behind a pointer are refused whole.

#if defined(__x86_64__) && defined(__LP64__)
#define NATIVE_ARCH 0xc000003e
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define NATIVE_ARCH 0xc00000b7
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH 0xc00000f3
#else
#error "su_as_agent: no system call filter has been written for this processor"
#endif

// From the kernel's headers, which a machine that has only a C library lacks.
enum { BPF_LD_ABS = 0x20, BPF_RET = 0x06, BPF_JEQ = 0x15, BPF_JGE = 0x35, BPF_JSET = 0x45 };
enum { SECCOMP_SET_FILTER = 1, SECCOMP_SPEC_ALLOW = 4 };

#define SECCOMP_KILL 0x80000000U
#define SECCOMP_ERRNO 0x00050000U
#define SECCOMP_ALLOW 0x7fff0000U

struct bpf_step {
	uint16_t code;
	uint8_t when_true, when_false;
	uint32_t k;
};

struct bpf_program {
	unsigned short size;
	struct bpf_step *steps;
};

// The data that the kernel shows to a filter.
struct call_data {
	int nr;
	uint32_t arch;
	uint64_t instruction_pointer, arguments[6];
};

// A program on its way to the kernel; size counts what does not fit, too.
struct filter {
	struct bpf_step steps[256];
	unsigned short size;
};

static void emit(struct filter *f, uint16_t code, uint32_t k, uint8_t when_true, uint8_t when_false)
{
	if (f->size < LENGTH(f->steps))
		f->steps[f->size] = (struct bpf_step){ code, when_true, when_false, k };
	f->size++;
}

// Low halves only: every value judged so is an int or narrower to the kernel (little endian, see NATIVE_ARCH).
static void load_argument(struct filter *f, unsigned n)
{
	emit(f, BPF_LD_ABS, (uint32_t)(offsetof(struct call_data, arguments) + 8 * n), 0, 0);
}

static void answer(struct filter *f, uint32_t action)
{
	emit(f, BPF_RET, action, 0, 0);
}

// Each rule below begins with the call's number loaded and, where the call is another one, ends so.
static void refuse(struct filter *f, unsigned nr, unsigned error)
{
	emit(f, BPF_JEQ, nr, 0, 1);
	answer(f, SECCOMP_ERRNO | error);
}

static void refuse_bits(struct filter *f, unsigned nr, unsigned argument, uint32_t bits, unsigned error)
{
	emit(f, BPF_JEQ, nr, 0, 4);
	load_argument(f, argument);
	emit(f, BPF_JSET, bits, 0, 1);
	answer(f, SECCOMP_ERRNO | error);
	answer(f, SECCOMP_ALLOW);
}

// The mode of an open means something, and is defined at all, only when the flags create.
static void refuse_created(struct filter *f, unsigned nr, unsigned flags)
{
	emit(f, BPF_JEQ, nr, 0, 6);
	load_argument(f, flags);
	emit(f, BPF_JSET, O_CREAT | TMPFILE_BIT, 0, 3);
	load_argument(f, flags + 1);
	emit(f, BPF_JSET, S_ISUID | S_ISGID, 0, 1);
	answer(f, SECCOMP_ERRNO | EPERM);
	answer(f, SECCOMP_ALLOW);
}

// S_ISGID only where a file is made: on chmod, ordinary tools pass it along on folders that inherited it.
static void refuse_set_id_files(struct filter *f)
{
#ifdef SYS_chmod
	refuse_bits(f, SYS_chmod, 1, S_ISUID, EPERM);
	refuse_bits(f, SYS_creat, 1, S_ISUID | S_ISGID, EPERM);
	refuse_bits(f, SYS_mknod, 1, S_ISUID | S_ISGID, EPERM);
	refuse_created(f, SYS_open, 1);
#endif
	refuse_bits(f, SYS_fchmod, 1, S_ISUID, EPERM);
	refuse_bits(f, SYS_fchmodat, 2, S_ISUID, EPERM);
	refuse_bits(f, NR_FCHMODAT2, 2, S_ISUID, EPERM);
	refuse_bits(f, SYS_mknodat, 2, S_ISUID | S_ISGID, EPERM);
	refuse_created(f, SYS_openat, 2);
	refuse(f, NR_IO_URING_SETUP, ENOSYS);
	refuse(f, NR_IO_URING_ENTER, ENOSYS);
	refuse(f, NR_IO_URING_REGISTER, ENOSYS);
}

// In a user namespace of its own a run could have the kernel itself make set-id files (an overlay's copy-up). A program that
// is for such a namespace, as bubblewrap is, opens by a call whose mode lies behind a pointer: it passes and is refused with them.
static void refuse_user_namespaces(struct filter *f)
{
	refuse(f, NR_OPENAT2, ENOSYS);
	refuse_bits(f, SYS_clone, 0, NEWUSER_BIT, EPERM);
	refuse_bits(f, SYS_unshare, 0, NEWUSER_BIT, EPERM);
	refuse(f, NR_CLONE3, ENOSYS);
}

// The packets that are left go through netfilter as the agent's, or nowhere: AF_VSOCK, AF_RDS and the like do not.
static void refuse_families(struct filter *f, unsigned nr)
{
	emit(f, BPF_JEQ, nr, 0, 7);
	load_argument(f, 0);
	emit(f, BPF_JEQ, AF_UNIX, 4, 0);
	emit(f, BPF_JEQ, AF_INET, 3, 0);
	emit(f, BPF_JEQ, AF_INET6, 2, 0);
	emit(f, BPF_JEQ, AF_NETLINK, 1, 0);
	answer(f, SECCOMP_ERRNO | EAFNOSUPPORT);
	answer(f, SECCOMP_ALLOW);
}

// The kernel's IPsec is told what to do over this protocol, by whoever has CAP_NET_ADMIN: in a run, by nobody but in a user
// namespace of its own. Time and again that has been a way to write where no user may (CVE-2026-43284, 46300).
static void refuse_ipsec(struct filter *f)
{
	enum { FAMILY = 0, PROTOCOL = 2, NETLINK_IPSEC = 6 };

	emit(f, BPF_JEQ, SYS_socket, 0, 6);
	load_argument(f, FAMILY);
	emit(f, BPF_JEQ, AF_NETLINK, 0, 3);
	load_argument(f, PROTOCOL);
	emit(f, BPF_JEQ, NETLINK_IPSEC, 0, 1);
	answer(f, SECCOMP_ERRNO | EAFNOSUPPORT);
	emit(f, BPF_LD_ABS, (uint32_t)offsetof(struct call_data, nr), 0, 0);
}

// With a word for it (the third argument) the kernel starts /sbin/request-key as root, outside the run and its network's rules: for
// a key of the type dns_resolver, that program asks for whatever name it is given. Without one the call only looks for a key that
// is there.
static void refuse_key_helper(struct filter *f)
{
	enum { WORD = 2 };

	emit(f, BPF_JEQ, SYS_request_key, 0, 6);
	load_argument(f, WORD);
	emit(f, BPF_JEQ, 0, 0, 2);
	emit(f, BPF_LD_ABS, (uint32_t)(offsetof(struct call_data, arguments) + 8 * WORD + 4), 0, 0);
	emit(f, BPF_JEQ, 0, 1, 0);
	answer(f, SECCOMP_ERRNO | EPERM);
	answer(f, SECCOMP_ALLOW);
}

struct value {
	unsigned argument;
	uint32_t is;
};

// Refuses a call where one of its arguments has the value that is named for it; other rules may follow for the same call.
static void refuse_values(struct filter *f, unsigned nr, const struct value *values, uint8_t n)
{
	emit(f, BPF_JEQ, nr, 0, (uint8_t)(2 * n + 2));
	for (uint8_t i = 0; i < n; i++) {
		load_argument(f, values[i].argument);
		emit(f, BPF_JEQ, values[i].is, (uint8_t)(2 * (n - i) - 2), i == n - 1);
	}
	answer(f, SECCOMP_ERRNO | EPERM);
	emit(f, BPF_LD_ABS, (uint32_t)offsetof(struct call_data, nr), 0, 0);
}

// A terminal takes what some requests say for typed. Others change what a file holds and leave its times, which a look after the
// run goes by, or show a folder under other names to whoever has brought a key, which would outlive the run.
static void refuse_requests(struct filter *f)
{
	static const struct value requests[] = {
		{ 1, TIOCSTI_NUMBER },	{ 1, TIOCLINUX_NUMBER },      { 1, EXT4_MOVE_EXTENTS },
		{ 1, XFS_SWAP_EXTENTS }, { 1, SET_ENCRYPTION_POLICY }, { 1, ADD_ENCRYPTION_KEY },
	};

	refuse_values(f, SYS_ioctl, requests, LENGTH(requests));
}

// A user's own keyrings come to be when they are first named, and never end: what is in them would outlive all runs, the agent too,
// and use up its number of keys. A run has the keyring of its session, which ends with it.
static void refuse_user_keyrings(struct filter *f)
{
	enum { USER = -4, USER_SESSION = -5, SET_DEFAULT = 14, GET_PERSISTENT = 22 };
	static const struct value for_keyctl[] = {
		{ 0, SET_DEFAULT },  { 0, GET_PERSISTENT }, { 1, (uint32_t)USER }, { 1, (uint32_t)USER_SESSION },
		{ 2, (uint32_t)USER }, { 2, (uint32_t)USER_SESSION }, { 3, (uint32_t)USER }, { 3, (uint32_t)USER_SESSION },
		{ 4, (uint32_t)USER }, { 4, (uint32_t)USER_SESSION },
	};
	static const struct value for_add[] = { { 4, (uint32_t)USER }, { 4, (uint32_t)USER_SESSION } };
	static const struct value for_request[] = { { 3, (uint32_t)USER }, { 3, (uint32_t)USER_SESSION } };

	refuse_values(f, SYS_keyctl, for_keyctl, LENGTH(for_keyctl));
	refuse_values(f, SYS_add_key, for_add, LENGTH(for_add));
	refuse_values(f, SYS_request_key, for_request, LENGTH(for_request));
}

// Another ABI numbers its calls otherwise: the rules would judge the wrong ones. x32 is the native one with a bit.
static void refuse_foreign_abis(struct filter *f, int allow_foreign)
{
	emit(f, BPF_LD_ABS, (uint32_t)offsetof(struct call_data, arch), 0, 0);
	emit(f, BPF_JEQ, NATIVE_ARCH, 1, 0);
	answer(f, allow_foreign ? SECCOMP_ALLOW : SECCOMP_KILL);
	emit(f, BPF_LD_ABS, (uint32_t)offsetof(struct call_data, nr), 0, 0);
#ifdef __x86_64__
	emit(f, BPF_JGE, X32_BIT, 0, 1);
	answer(f, SECCOMP_ERRNO | ENOSYS);
#endif
}

// Whether the filter holds for this process and all it will start. Needs CAP_SYS_ADMIN or no_new_privs.
int install_filter(int allow_userns, int allow_foreign)
{
	struct filter filter = { .size = 0 }, *f = &filter;
	struct bpf_program program = { 0, f->steps };

	refuse_foreign_abis(f, allow_foreign);
	refuse_set_id_files(f);
	refuse_requests(f);
	refuse_ipsec(f);
	refuse_families(f, SYS_socket);
	refuse_families(f, SYS_socketpair);
	refuse_user_keyrings(f);
	refuse_key_helper(f);
	// The machine has one pool of asynchronous requests for all users; databases and the like go on without.
	refuse(f, SYS_io_setup, ENOSYS);
	if (!allow_userns)
		refuse_user_namespaces(f);
	answer(f, SECCOMP_ALLOW);
	if (f->size > LENGTH(f->steps)) {
		errno = E2BIG;
		return 0;
	}
	program.size = f->size;
	return syscall(SYS_seccomp, SECCOMP_SET_FILTER, SECCOMP_SPEC_ALLOW, &program) == 0;
}

// Keeps the run from signalling anything outside it, and from the abstract sockets of others (X11, D-Bus). A kernel before 6.12 has
// no scopes: there it changes nothing, and is true. Needs what install_filter needs.
int install_scopes(void)
{
	struct {
		uint64_t files, network, scopes;
	} rules = { 0, 0, 3 };
	long abi = syscall(NR_LANDLOCK_CREATE_RULESET, NULL, 0, 1);
	int fd, done;

	if (abi < 6)
		return 1;
	fd = (int)syscall(NR_LANDLOCK_CREATE_RULESET, &rules, sizeof rules, 0);
	if (fd < 0)
		return 0;
	done = syscall(NR_LANDLOCK_RESTRICT_SELF, fd, 0) == 0;
	close(fd);
	return done;
}
