// SPDX-License-Identifier: GPL-3.0-or-later

#include "textflag.h"

#define GETRLIMIT	163
#define WRITE		64
#define EXIT_GROUP	94
#define CLONE		220
#define WAIT4		260
#define RLIMIT_DATA	2
#define RLIMIT_NPROC	6
#define RLIMIT_AS	9
#define LIKE_VFORK	0x4100	// CLONE_VM|CLONE_VFORK, and no signal at the end
#define WALL		0x40000000
#define EAGAIN		11
#define MADVISE		233
#define POPULATE_READ	22
#define POPULATE_WRITE	23
#define TOUCHED		0xc000	// of what is 0 at first, and holds no pointer
#define POPULATE(from, to, how)	\
	MOVD	$MADVISE, R8	\
	MOVD	$from(SB), R0	\
	AND	$~65535, R0	\	// the largest page
	MOVD	$to(SB), R1	\
	SUB	R0, R1	\
	MOVD	$how, R2	\
	SVC

// func entry()
TEXT ·entry(SB),NOSPLIT|NOFRAME,$0
	SUB	$16, RSP
	MOVD	$GETRLIMIT, R8
	MOVD	$RLIMIT_AS, R0
	MOVD	RSP, R1
	SVC
	MOVD	0(RSP), R2	// the limit that binds
	ADD	$16, RSP
	MOVD	·needed(SB), R4
	CMP	R4, R2
	BLO	small
	SUB	$16, RSP
	MOVD	$GETRLIMIT, R8
	MOVD	$RLIMIT_DATA, R0
	MOVD	RSP, R1
	SVC
	MOVD	0(RSP), R2
	ADD	$16, RSP
	MOVD	·neededData(SB), R4
	CMP	R4, R2
	BLO	smallData
	SUB	$16, RSP
	MOVD	$GETRLIMIT, R8
	MOVD	$RLIMIT_NPROC, R0
	MOVD	RSP, R1
	SVC
	MOVD	0(RSP), R2
	ADD	$16, RSP
	MOVD	·few(SB), R4
	CMP	R4, R2
	BHS	start
	MOVD	$0, R6	// how many processes were made before this one
	MOVD	·wanted(SB), R7
make:
	MOVD	$CLONE, R8
	MOVD	$LIKE_VFORK, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	SVC
	CMP	$0, R0
	BEQ	made
	BLT	none
	SUB	$16, RSP
	MOVD	$0, R5
	MOVD	R5, 0(RSP)
	MOVD	$WAIT4, R8
	MOVD	RSP, R1
	MOVD	$WALL, R2
	MOVD	$0, R3
	SVC
	MOVD	0(RSP), R5	// not 0: one of those behind it could not be made
	ADD	$16, RSP
	JMP	ended
made:
	ADD	$1, R6
	MOVD	$0, R5
	CMP	R7, R6
	BLO	make
	JMP	ended
none:
	MOVD	$0, R5
	CMN	$EAGAIN, R0
	BNE	ended
	MOVD	$1, R5
ended:
	CBZ	R6, first
	MOVD	$0, R0
	CBZ	R5, exit
	MOVD	$1, R0
	JMP	exit
first:
	CBNZ	R5, little
start:
	POPULATE(runtime·text, runtime·etext, POPULATE_READ)
	POPULATE(runtime·rodata, runtime·epclntab, POPULATE_READ)
	POPULATE(runtime·noptrdata, runtime·noptrbss+TOUCHED, POPULATE_WRITE)
	JMP	_rt0_arm64_linux(SB)
little:
	MOVD	·tooFew+0(SB), R1
	MOVD	·tooFew+8(SB), R2
	JMP	say
smallData:
	MOVD	·tooLittleData+0(SB), R1
	MOVD	·tooLittleData+8(SB), R2
	JMP	say
small:
	MOVD	·tooSmall+0(SB), R1
	MOVD	·tooSmall+8(SB), R2
say:
	MOVD	$WRITE, R8
	MOVD	$2, R0
	SVC
	MOVD	$125, R0
exit:
	MOVD	$EXIT_GROUP, R8
	SVC
	BRK
