"""The numbers of the system calls that a filter speaks of, by architecture, as the kernel's headers have them."""

from typing import Final

NEWEST: Final = 450
"""The last call that this list was made with (Linux 5.17)."""
DENIED: Final = """
    ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_open pidfd_getfd
    pidfd_send_signal fork vfork execve execveat setsid setpgid tkill setpriority ioprio_set migrate_pages
    move_pages
    setns unshare mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick
    mount_setattr swapon swapoff
    bpf perf_event_open userfaultfd keyctl add_key request_key init_module finit_module delete_module kexec_load
    kexec_file_load reboot syslog acct quotactl quotactl_fd name_to_handle_at open_by_handle_at fanotify_init
    inotify_init inotify_init1 settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname iopl
    ioperm modify_ldt personality io_uring_setup io_uring_enter io_uring_register
    socket socketpair connect bind listen accept accept4 sendto sendmmsg shmget shmat shmctl msgget semget mq_open
    memfd_secret
    chmod fchmod fchmodat chown fchown lchown fchownat setxattr lsetxattr fsetxattr removexattr lremovexattr
    fremovexattr utime utimes futimesat utimensat truncate
"""
"""Processes and their memory; namespaces and mounts; the kernel itself; other processes by messages; and what landlock
does not see of files."""
OF_PROGRAMS: Final = """
    fork vfork execve execveat setsid setpgid tkill setpriority
    chmod fchmod fchmodat chown fchown lchown fchownat utime utimes futimesat utimensat truncate
"""
"""Those of them that programs live by, and that harm nobody where processes and files are all their own."""
TABLE: Final = {
    "x86_64": """
    ptrace=101 process_vm_readv=310 process_vm_writev=311 process_madvise=440 process_mrelease=448 kcmp=312
    pidfd_open=434 pidfd_getfd=438 pidfd_send_signal=424 fork=57 vfork=58 execve=59 execveat=322 setsid=112
    setpgid=109 tkill=200 setpriority=141 ioprio_set=251 migrate_pages=256 move_pages=279 setns=308 unshare=272
    mount=165 umount2=166 pivot_root=155 chroot=161 move_mount=429 open_tree=428 fsopen=430 fsconfig=431
    fsmount=432 fspick=433 mount_setattr=442 swapon=167 swapoff=168 bpf=321 perf_event_open=298 userfaultfd=323
    keyctl=250 add_key=248 request_key=249 init_module=175 finit_module=313 delete_module=176 kexec_load=246
    kexec_file_load=320 reboot=169 syslog=103 acct=163 quotactl=179 quotactl_fd=443 name_to_handle_at=303
    open_by_handle_at=304 fanotify_init=300 inotify_init=253 inotify_init1=294 settimeofday=164 clock_settime=227
    clock_adjtime=305 adjtimex=159 sethostname=170 setdomainname=171 iopl=172 ioperm=173 modify_ldt=154
    personality=135 io_uring_setup=425 io_uring_enter=426 io_uring_register=427 socket=41 socketpair=53 connect=42
    bind=49 listen=50 accept=43 accept4=288 sendto=44 sendmmsg=307 shmget=29 shmat=30 shmctl=31 msgget=68
    semget=64 mq_open=240 memfd_secret=447 chmod=90 fchmod=91 fchmodat=268 chown=92 fchown=93 lchown=94
    fchownat=260 setxattr=188 lsetxattr=189 fsetxattr=190 removexattr=197 lremovexattr=198 fremovexattr=199
    utime=132 utimes=235 futimesat=261 utimensat=280 truncate=76 clone=56 clone3=435 memfd_create=319 kill=62
    tgkill=234 rt_sigqueueinfo=129 rt_tgsigqueueinfo=297 prlimit64=302 sched_setaffinity=203
    sched_setscheduler=144 sched_setparam=142 sched_setattr=314 prctl=157 ioctl=16 fcntl=72
    """,
    "aarch64": """
    ptrace=117 process_vm_readv=270 process_vm_writev=271 process_madvise=440 process_mrelease=448 kcmp=272
    pidfd_open=434 pidfd_getfd=438 pidfd_send_signal=424 execve=221 execveat=281 setsid=157 setpgid=154 tkill=130
    setpriority=140 ioprio_set=30 migrate_pages=238 move_pages=239 setns=268 unshare=97 mount=40 umount2=39
    pivot_root=41 chroot=51 move_mount=429 open_tree=428 fsopen=430 fsconfig=431 fsmount=432 fspick=433
    mount_setattr=442 swapon=224 swapoff=225 bpf=280 perf_event_open=241 userfaultfd=282 keyctl=219 add_key=217
    request_key=218 init_module=105 finit_module=273 delete_module=106 kexec_load=104 kexec_file_load=294
    reboot=142 syslog=116 acct=89 quotactl=60 quotactl_fd=443 name_to_handle_at=264 open_by_handle_at=265
    fanotify_init=262 inotify_init1=26 settimeofday=170 clock_settime=112 clock_adjtime=266 adjtimex=171
    sethostname=161 setdomainname=162 personality=92 io_uring_setup=425 io_uring_enter=426 io_uring_register=427
    socket=198 socketpair=199 connect=203 bind=200 listen=201 accept=202 accept4=242 sendto=206 sendmmsg=269
    shmget=194 shmat=196 shmctl=195 msgget=186 semget=190 mq_open=180 memfd_secret=447 fchmod=52 fchmodat=53
    fchown=55 fchownat=54 setxattr=5 lsetxattr=6 fsetxattr=7 removexattr=14 lremovexattr=15 fremovexattr=16
    utimensat=88 truncate=45 clone=220 clone3=435 memfd_create=279 kill=129 tgkill=131 rt_sigqueueinfo=138
    rt_tgsigqueueinfo=240 prlimit64=261 sched_setaffinity=122 sched_setscheduler=119 sched_setparam=118
    sched_setattr=274 prctl=167 ioctl=29 fcntl=25
    """,
}


def numbers(machine: str) -> dict[str, int]:
    """Return the number of each call that an architecture has."""
    return {name: int(number) for name, _, number in (word.partition("=") for word in TABLE[machine].split())}
