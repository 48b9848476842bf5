// SPDX-License-Identifier: GPL-3.0-or-later

#include "textflag.h"

#define GETRLIMIT	163
#define WRITE		64
#define EXIT_GROUP	94
#define RLIMIT_AS	9

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
	JMP	_rt0_arm64_linux(SB)
small:
	MOVD	$WRITE, R8
	MOVD	$2, R0
	MOVD	·tooSmall+0(SB), R1
	MOVD	·tooSmall+8(SB), R2
	SVC
	MOVD	$EXIT_GROUP, R8
	MOVD	$125, R0
	SVC
	BRK
