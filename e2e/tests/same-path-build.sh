#!/bin/sh
# An absolute path that compilers and build tools wrote down, on either side, works on the other where the share is at the human's own path, and only there.
# machines: none
# machines by hand: trixie bookworm
# flavour: paths
# timeout: 1200
. /opt/e2e/lib.sh
. /opt/e2e/tests/same-path/words.sh
as alice sh -c 'mkdir sources; cd sources
	mkdir -p c/include go rust/src
	echo "#define ONE 1" >c/include/one.h
	printf "#include <one.h>\nint main(void) { return ONE - 1; }\n" >c/main.c
	printf "cmake_minimum_required(VERSION 3.10)\nproject(p C)\nset(CMAKE_EXPORT_COMPILE_COMMANDS ON)\nadd_executable(p main.c)\ntarget_include_directories(p PRIVATE include)\n" >c/CMakeLists.txt
	printf "module p\n\ngo 1.19\n" >go/go.mod
	printf "package main\n\nfunc main() { println(1) }\n" >go/main.go
	printf "[package]\nname = \"p\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" >rust/Cargo.toml
	echo "fn main() { println!(\"{}\", file!()) }" >rust/src/main.rs'

seen "CMake: the agent configures the human's build folder again" 'cp -r ~/sources/c/. .; cmake -S . -B build >/dev/null' 'touch CMakeLists.txt; agent cmake --build build; agent cmake -S . -B build; agent build/p'
seen "CMake: the human configures the agent's build folder again" "cp -r ~/sources/c/. .; agent cmake -S . -B build >/dev/null" 'touch CMakeLists.txt; cmake --build build; cmake -S . -B build; build/p'
seen 'CMake: what the one has built the other does not build again' 'cp -r ~/sources/c/. .; cmake -S . -B build >/dev/null; cmake --build build >/dev/null' \
	'agent cmake --build build >log; ! grep Building log; touch main.c; agent cmake --build build >log; grep Building log; cmake --build build >log; ! grep Building log'
seen 'compile_commands.json: clangd finds headers by what the other side wrote' 'cp -r ~/sources/c/. .; cmake -S . -B build >/dev/null; clangd --check=main.c --compile-commands-dir=build 2>log || { cat log; false; }' \
	'agent sh -c "cd /; clangd --check=$PWD/main.c --compile-commands-dir=$PWD/build" 2>log || { tail -n 3 log; false; }'
seen 'Make: rules that name files by their path' 'cp -r ~/sources/c/. .; printf "D := %s\nall: \$D/p\n\$D/p: \$D/main.c\n\tcc -I \$D/include -o \$@ \$<\n" $PWD >Makefile; make -s' \
	'agent make -q; touch main.c; agent make -s; make -q'
seen 'Make: dependencies that the compiler wrote' 'cp -r ~/sources/c/. .; printf "p.o: main.c\n\tcc -MMD -MF p.d -MT p.o -I \$\$(pwd)/include -c -o \$@ main.c\n-include p.d\n" >Makefile; make -s' \
	'agent make -q; touch include/one.h; ! agent make -q; agent make -s; make -q'
seen 'C: debugging information names a source that is there' 'cp -r ~/sources/c/. .; cc -g -I include -o p $PWD/main.c' \
	'file=$(addr2line -e p "$(nm p | sed -n "s/ T main$//p")"); agent test -e "${file%%:*}"'
seen 'C: a message of the compiler names a file that the editor of the human finds' 'echo "int x = ;" >bad.c; agent sh -c "cc -c \$PWD/bad.c 2>errors; true"' 'test -e "$(head -n 1 errors | cut -d: -f1)"'
seen 'C: a library by its run path' 'echo "int one(void) { return 0; }" >one.c; cc -shared -o libone.so one.c; echo "int one(void); int main(void) { return one(); }" >use.c; cc -o use use.c $PWD/libone.so' 'agent ./use'

seen 'Go: what the human has built is in the cache that the agent uses' 'cp -r ~/sources/go/. .; GOCACHE=$PWD/cache go build -buildvcs=false -o p .' \
	'agent sh -c "GOCACHE=\$PWD/cache go build -buildvcs=false -x -o p ." >log 2>&1; ! grep -m 1 /compile log'
seen 'Go: what the agent has built is in the cache that the human uses' 'cp -r ~/sources/go/. .; agent sh -c "GOCACHE=\$PWD/cache go build -buildvcs=false -o p ."' \
	'GOCACHE=$PWD/cache go build -buildvcs=false -x -o p . >log 2>&1; ! grep -m 1 /compile log'
seen 'Go: a workspace and a module by path' 'mkdir lib use; printf "module lib\n\ngo 1.19\n" >lib/go.mod; printf "package lib\n\nconst One = 1\n" >lib/lib.go; printf "module use\n\ngo 1.19\n\nrequire lib v0.0.0\n\nreplace lib => %s/lib\n" $PWD >use/go.mod; printf "package use\n\nimport \"lib\"\n\nconst One = lib.One\n" >use/use.go' \
	'cd use; agent go vet .'
by_path='cp -r ~/sources/rust/. .; mkdir -p dep/src; printf "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2021\"\n" >dep/Cargo.toml; echo "pub const ONE: i32 = 1;" >dep/src/lib.rs; printf "[dependencies]\ndep = { path = \"%s/dep\" }\n" $where >>Cargo.toml'
fresh='>log 2>&1 || { cat log; false; }; grep -q "Fresh dep" log; grep "Fresh p" log; ! grep Compiling log'
seen 'Rust: what the human has built the agent does not build again' "where=\$PWD; $by_path; cargo build -q --offline" "agent cargo build --offline -v $fresh"
seen 'Rust: what the agent has built the human does not build again' "where=\$(agent pwd); $by_path; agent cargo build -q --offline" "cargo build --offline -v $fresh"
