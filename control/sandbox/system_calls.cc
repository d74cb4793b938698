// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sandbox/system_calls.h"

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace systole::control {

namespace {

// Names of system calls with a space between.

// What a daemon has no business with, whoever asks. A process that calls one of these is not ours any more.
constexpr std::string_view intruders =
	"execve execveat fork vfork ptrace process_vm_readv process_vm_writev pidfd_getfd kexec_load "
	"kexec_file_load init_module finit_module delete_module mount umount2 move_mount open_tree fsopen "
	"fsconfig fsmount fspick mount_setattr pivot_root chroot setns unshare open_by_handle_at perf_event_open "
	"userfaultfd io_uring_setup keyctl add_key request_key reboot swapon swapoff acct setuid setgid setreuid "
	"setregid setresuid setresgid setfsuid setfsgid setgroups capset personality iopl ioperm modify_ldt "
	"sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex";

// What a poll core may do besides: wait, ring, have the kernel take and give frames, and come to its end.
constexpr std::string_view of_poll_cores =
	"read write readv writev poll ppoll epoll_wait epoll_pwait epoll_ctl select pselect6 sendto recvfrom "
	"sendmsg recvmsg sendmmsg recvmmsg getsockopt ioctl close clock_gettime clock_getres clock_nanosleep "
	"nanosleep gettimeofday time futex sched_yield sched_getaffinity sched_getscheduler sched_getparam getcpu "
	"membarrier restart_syscall getpid gettid getrandom brk munmap madvise mremap mlock munlock rt_sigaction "
	"rt_sigprocmask rt_sigreturn sigaltstack tgkill set_robust_list rseq exit exit_group";

constexpr std::string_view of_everybody =
	"pread64 pwrite64 preadv pwritev lseek open openat creat fstat stat lstat newfstatat statx statfs fstatfs "
	"access faccessat faccessat2 readlink readlinkat getdents64 getcwd fcntl flock ftruncate fallocate fsync "
	"fdatasync rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir chmod fchmod fchmodat umask "
	"setxattr getxattr removexattr dup dup2 dup3 pipe pipe2 eventfd2 memfd_create epoll_create epoll_create1 "
	"epoll_pwait2 timerfd_create timerfd_settime timerfd_gettime inotify_init1 inotify_add_watch "
	"inotify_rm_watch bind connect listen accept accept4 shutdown getsockname getpeername setsockopt mlock2 "
	"mlockall munlockall mincore get_mempolicy set_mempolicy mbind sched_setscheduler sched_setparam "
	"sched_setaffinity sched_get_priority_max sched_get_priority_min getpriority setpriority kill tkill "
	"pidfd_open pidfd_send_signal waitid wait4 rt_sigtimedwait rt_sigpending rt_sigsuspend signalfd4 "
	"set_tid_address getuid geteuid getgid getegid getgroups getresuid getresgid getppid getpgrp getpgid "
	"getsid capget getrusage getrlimit prlimit64 sysinfo uname times seccomp";

// A filter while it is made; the first thing that goes wrong is kept.
class Filter {
public:
	explicit Filter(std::uint32_t otherwise) : m_context(seccomp_init(otherwise))
	{
		if (m_context == nullptr)
			m_error = ENOMEM;
	}
	~Filter()
	{
		if (m_context != nullptr)
			seccomp_release(m_context);
	}
	Filter(const Filter &) = delete;
	Filter &operator=(const Filter &) = delete;

	// A name that this machine or library does not know cannot be called by it either.
	void rule(std::uint32_t action, const char *name, std::span<const scmp_arg_cmp> conditions = {})
	{
		const int number = seccomp_syscall_resolve_name(name);
		if (m_error == 0 && number >= 0)
			keep(seccomp_rule_add_array(m_context, action, number, static_cast<unsigned>(conditions.size()),
						    conditions.data()));
	}
	void rules(std::uint32_t action, std::string_view names)
	{
		while (!names.empty()) {
			const std::size_t end = std::min(names.find(' '), names.size());
			rule(action, std::string(names.substr(0, end)).c_str());
			names.remove_prefix(std::min(end + 1, names.size()));
		}
	}
	void rule_if(std::uint32_t action, const char *name, unsigned argument, scmp_compare how, std::uint64_t a,
		     std::uint64_t b = 0)
	{
		const std::array<scmp_arg_cmp, 1> condition{{{.arg = argument, .op = how, .datum_a = a, .datum_b = b}}};
		rule(action, name, condition);
	}
	// Memory that can be executed later could hold an intruder's program.
	void allow_memory_without_execution()
	{
		for (const char *name : {"mmap", "mprotect"})
			rule_if(SCMP_ACT_ALLOW, name, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	}

	[[nodiscard]] bool load(bool every_thread, std::string &error)
	{
		if (m_error == 0)
			keep(seccomp_attr_set(m_context, SCMP_FLTATR_CTL_TSYNC, every_thread ? 1 : 0));
		if (m_error == 0)
			keep(seccomp_attr_set(m_context, SCMP_FLTATR_CTL_OPTIMIZE, 2)); // a tree, not a list of 200
		if (m_error == 0)
			keep(seccomp_attr_set(m_context, SCMP_FLTATR_API_SYSRAWRC, 1)); // the kernel's own errno
		if (m_error == 0)
			keep(seccomp_load(m_context));
		if (m_error != 0)
			error = std::string("the system call filter cannot be set: ") + std::strerror(m_error);
		return m_error == 0;
	}

private:
	void keep(int result)
	{
		if (m_error == 0 && result < 0)
			m_error = -result;
	}

	scmp_filter_ctx m_context;
	int m_error = 0;
};

void allow_socket(Filter &filter, int family)
{
	filter.rule_if(SCMP_ACT_ALLOW, "socket", 0, SCMP_CMP_EQ, static_cast<std::uint64_t>(family));
}

} // namespace

bool confine_process(const SystemCallNeeds &needs, std::string &error)
{
	Filter filter(SCMP_ACT_ERRNO(EPERM));
	filter.rules(SCMP_ACT_KILL_PROCESS, intruders);
	filter.rules(SCMP_ACT_ALLOW, of_poll_cores);
	filter.rules(SCMP_ACT_ALLOW, of_everybody);
	filter.allow_memory_without_execution();
	for (const int family : {AF_UNIX, AF_NETLINK, AF_PACKET})
		allow_socket(filter, family);
	if (needs.internet || needs.netdev_ports)
		for (const int family : {AF_INET, AF_INET6})
			allow_socket(filter, family);
	if (needs.xdp) {
		allow_socket(filter, AF_XDP);
		filter.rule(SCMP_ACT_ALLOW, "bpf");
	} else {
		filter.rule(SCMP_ACT_KILL_PROCESS, "bpf");
	}
	filter.rule_if(SCMP_ACT_ALLOW, "socketpair", 0, SCMP_CMP_EQ, AF_UNIX);
	// A thread, but no process. The C library falls back to clone when the kernel does not know clone3, whose flags a
	// filter cannot see.
	filter.rule_if(SCMP_ACT_ALLOW, "clone", 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD);
	filter.rule_if(SCMP_ACT_KILL_PROCESS, "clone", 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	filter.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
	for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_SET_TIMERSLACK, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ})
		filter.rule_if(SCMP_ACT_ALLOW, "prctl", 0, SCMP_CMP_EQ, static_cast<std::uint64_t>(option));
	return filter.load(true, error);
}

bool confine_poll_core(std::string &error)
{
	Filter filter(SCMP_ACT_ERRNO(EPERM));
	filter.rules(SCMP_ACT_KILL_PROCESS, intruders);
	filter.rules(SCMP_ACT_KILL_PROCESS, "clone clone3 bpf socket socketpair connect accept accept4");
	filter.rules(SCMP_ACT_ALLOW, of_poll_cores);
	filter.allow_memory_without_execution();
	return filter.load(false, error);
}

bool confine_control(std::string &error)
{
	Filter filter(SCMP_ACT_ALLOW);
	for (const int family : {AF_INET, AF_INET6})
		filter.rule_if(SCMP_ACT_ERRNO(EPERM), "socket", 0, SCMP_CMP_EQ, static_cast<std::uint64_t>(family));
	return filter.load(false, error);
}

} // namespace systole::control
