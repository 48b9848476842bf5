// SPDX-License-Identifier: GPL-3.0-or-later

#include "textflag.h"

#define GETRLIMIT	97
#define WRITE		1
#define EXIT_GROUP	231
#define RLIMIT_AS	9

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
	JMP	_rt0_amd64_linux(SB)
small:
	MOVQ	$WRITE, AX
	MOVQ	$2, DI
	MOVQ	·tooSmall+0(SB), SI
	MOVQ	·tooSmall+8(SB), DX
	SYSCALL
	MOVQ	$EXIT_GROUP, AX
	MOVQ	$125, DI
	SYSCALL
	INT	$3
