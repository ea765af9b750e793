// SPDX-License-Identifier: MIT
// Macros that headers of other systems and libraries define, each as it is there. Headers of the
// library come after these and must not use the names.

// windef.h, winnt.h, wingdi.h, rpcndr.h, combaseapi.h
#define near
#define far
#define pascal
#define cdecl
#define huge
#define small char
#define hyper long long
#define interface struct
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define CONST const
#define IN
#define OUT
#define OPTIONAL
#define VOID void
#define TRUE 1
#define FALSE 0
#define ERROR 0
#define DELETE (0x00010000L)
#define STRICT 1
#define ABSOLUTE 1
#define RELATIVE 2
#define TRANSPARENT 1
#define OPAQUE 2
#define IGNORE 0
#define INFINITE 0xFFFFFFFF
#define THIS_ void
#define PURE = 0
#define Yield()
#define GetObject GetObjectA
#define CreateFile CreateFileA
#define SendMessage SendMessageA

// X11/X.h, X11/Xlib.h
#define None 0L
#define Success 0
#define Always 2
#define Complex 0
#define Unsorted 0
#define CursorShape 0
#define Expose 12
#define Status int
#define Bool int
#define True 1
#define False 0

// complex.h, math.h, sys/param.h, sys/sysmacros.h, termios.h, ctype.h, gnu++ modes
#define I (__extension__ 1.0iF)
#define DOMAIN 1
#define SING 2
#define OVERFLOW 3
#define UNDERFLOW 4
#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define major(device) gnu_dev_major(device)
#define minor(device) gnu_dev_minor(device)
#define B0 0000000
#define B50 0000001
#define B110 0000003
#define _U 01
#define _L 02
#define _N 04
#define _S 010
#define _P 020
#define _C 040
#define _X 0100
#define _B 0200
#define linux 1
#define unix 1

// AssertMacros.h, objc.h, Qt, Arduino.h
#define check(assertion) \
  do {                   \
  } while (0)
#define verify(assertion) \
  do {                    \
  } while (0)
#define require(assertion, label) \
  do {                            \
  } while (0)
#define nil 0
#define YES 1
#define NO 0
#define signals public
#define slots
#define emit
#define foreach(variable, container) for (variable : container)
#define PI 3.1415926535897932384626433832795
#define LOW 0x0
#define HIGH 0x1
#define F(text) (text)
#define bit(b) (1UL << (b))
