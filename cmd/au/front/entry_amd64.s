// SPDX-License-Identifier: GPL-3.0-or-later

#include "textflag.h"

#define CLONE		56
#define WAIT4		61
#define GETRLIMIT	97
#define WRITE		1
#define EXIT_GROUP	231
#define RLIMIT_DATA	2
#define RLIMIT_NPROC	6
#define RLIMIT_AS	9
#define LIKE_VFORK	0x4100	// CLONE_VM|CLONE_VFORK, and no signal at the end
#define WALL		0x40000000
#define EAGAIN		11
#define MADVISE		28
#define POPULATE_READ	22
#define POPULATE_WRITE	23
#define TOUCHED		0xc000	// of what is 0 at first, and holds no pointer
#define POPULATE(from, to, how)	\
	MOVQ	$MADVISE, AX	\
	LEAQ	from(SB), DI	\
	ANDQ	$~4095, DI	\
	LEAQ	to(SB), SI	\
	SUBQ	DI, SI	\
	MOVQ	$how, DX	\
	SYSCALL

// func entry()
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	SUBQ	$16, SP
	MOVQ	$GETRLIMIT, AX
	MOVQ	$RLIMIT_AS, DI
	MOVQ	SP, SI
	SYSCALL
	MOVQ	0(SP), R12	// the limit that binds
	ADDQ	$16, SP
	CMPQ	R12, ·needed(SB)
	JCS	small
	SUBQ	$16, SP
	MOVQ	$GETRLIMIT, AX
	MOVQ	$RLIMIT_DATA, DI
	MOVQ	SP, SI
	SYSCALL
	MOVQ	0(SP), R12
	ADDQ	$16, SP
	CMPQ	R12, ·neededData(SB)
	JCS	smallData
	SUBQ	$16, SP
	MOVQ	$GETRLIMIT, AX
	MOVQ	$RLIMIT_NPROC, DI
	MOVQ	SP, SI
	SYSCALL
	MOVQ	0(SP), R12
	ADDQ	$16, SP
	CMPQ	R12, ·few(SB)
	JCC	start
	XORQ	R13, R13	// how many processes were made before this one
make:
	MOVQ	$CLONE, AX
	MOVQ	$LIKE_VFORK, DI
	XORQ	SI, SI
	XORQ	DX, DX
	XORQ	R10, R10
	XORQ	R8, R8
	SYSCALL
	CMPQ	AX, $0
	JEQ	made
	JLT	none
	SUBQ	$16, SP
	MOVQ	$0, 0(SP)
	MOVQ	AX, DI
	MOVQ	$WAIT4, AX
	MOVQ	SP, SI
	MOVQ	$WALL, DX
	XORQ	R10, R10
	SYSCALL
	MOVQ	0(SP), R12	// not 0: one of those behind it could not be made
	ADDQ	$16, SP
	JMP	ended
made:
	INCQ	R13
	CMPQ	R13, ·wanted(SB)
	JCS	make
	XORQ	R12, R12
	JMP	ended
none:
	XORQ	R12, R12
	CMPQ	AX, $-EAGAIN
	JNE	ended
	MOVQ	$1, R12
ended:
	TESTQ	R13, R13
	JEQ	first
	XORQ	DI, DI
	TESTQ	R12, R12
	JEQ	exit
	MOVQ	$1, DI
	JMP	exit
first:
	TESTQ	R12, R12
	JNE	little
start:
	POPULATE(runtime·text, runtime·etext, POPULATE_READ)
	POPULATE(runtime·rodata, runtime·epclntab, POPULATE_READ)
	POPULATE(runtime·noptrdata, runtime·noptrbss+TOUCHED, POPULATE_WRITE)
	JMP	_rt0_amd64_linux(SB)
little:
	MOVQ	·tooFew+0(SB), SI
	MOVQ	·tooFew+8(SB), DX
	JMP	say
smallData:
	MOVQ	·tooLittleData+0(SB), SI
	MOVQ	·tooLittleData+8(SB), DX
	JMP	say
small:
	MOVQ	·tooSmall+0(SB), SI
	MOVQ	·tooSmall+8(SB), DX
say:
	MOVQ	$WRITE, AX
	MOVQ	$2, DI
	SYSCALL
	MOVQ	$125, DI
exit:
	MOVQ	$EXIT_GROUP, AX
	SYSCALL
	INT	$3
