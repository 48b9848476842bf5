// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Systemd is a connection to the machine's systemd over D-Bus.
type Systemd struct {
	conn *systemd.Conn
	end  context.CancelFunc
}

// AnswerTime is how long systemd may take to answer a question, and changeTime how long to carry out a change. A bus that is
// stopped answers never.
const (
	AnswerTime = 10 * time.Second
	changeTime = time.Minute
)

// ErrNoSystemd says that no systemd runs the machine.
var ErrNoSystemd = errors.New("systemd does not run this machine, and limits are systemd's: boot it with systemd (version 252 or later) to set any")

// OpenSystemd connects to systemd: over the system bus, or, as root where there is none, directly.
func OpenSystemd(ctx context.Context) (*Systemd, error) {
	if _, err := os.Stat("/run/systemd/system"); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoSystemd
	}
	opened, err := connect(ctx, func(ctx context.Context) (*systemd.Conn, error) {
		return systemd.NewConnection(func() (*dbus.Conn, error) { return dial(ctx) })
	})
	if err != nil && os.Geteuid() == 0 {
		opened, err = connect(ctx, systemd.NewSystemdConnectionContext)
	}
	if err != nil {
		return nil, fmt.Errorf("reach systemd over D-Bus: %w; `systemctl status dbus.socket` says more", err)
	}
	return opened, nil
}

// connect opens a connection, which lasts until it is closed or ctx ends, within AnswerTime.
func connect(ctx context.Context, open func(context.Context) (*systemd.Conn, error)) (*Systemd, error) {
	lasting, end := context.WithCancelCause(ctx)
	late := time.AfterFunc(AnswerTime, func() { end(fmt.Errorf("no answer within %s", AnswerTime)) })
	conn, err := open(lasting)
	late.Stop()
	if cause := context.Cause(lasting); cause != nil && err != nil {
		err = cause
	}
	if err != nil {
		end(nil)
		return nil, err
	}
	return &Systemd{conn, func() { end(nil) }}, nil
}

// within returns a context in which systemd has so long to answer.
func within(ctx context.Context, long time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, long, fmt.Errorf("no answer within %s", long))
}

// late is err, or that systemd took too long.
func late(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil {
		return cause
	}
	return err
}

// systemBus is where the machine's bus is, whatever the caller's DBUS_SYSTEM_BUS_ADDRESS says.
const systemBus = "unix:path=/run/dbus/system_bus_socket"

func dial(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.Dial(systemBus, dbus.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// Close ends the connection.
func (s *Systemd) Close() {
	s.conn.Close()
	s.end()
}

// SliceProperties returns all properties of a slice unit, loaded or not.
func (s *Systemd) SliceProperties(ctx context.Context, slice string) (map[string]any, error) {
	ctx, stop := within(ctx, AnswerTime)
	defer stop()
	all, err := s.conn.GetUnitTypePropertiesContext(ctx, slice, "Slice")
	if err != nil {
		return nil, fmt.Errorf("read %s over D-Bus: %w", slice, late(ctx, err))
	}
	return all, nil
}

// UnitState is what systemd says of a unit at one moment.
type UnitState struct {
	Active     bool
	Invocation string // an id that the unit has from its start to its end
	Stopping   bool   // the machine shuts down
}

// UnitState returns that of a unit.
func (s *Systemd) UnitState(ctx context.Context, unit string) (UnitState, error) {
	ctx, stop := within(ctx, AnswerTime)
	defer stop()
	all, err := s.conn.GetUnitPropertiesContext(ctx, unit)
	if err != nil {
		return UnitState{}, fmt.Errorf("read %s over D-Bus: %w", unit, late(ctx, err))
	}
	id, _ := all["InvocationID"].([]byte)
	state := UnitState{Active: all["ActiveState"] == "active", Invocation: hex.EncodeToString(id)}
	if system, err := s.conn.SystemStateContext(ctx); err == nil {
		state.Stopping = system.Value.Value() == "stopping"
	}
	return state, nil
}

// SetProperties sets properties of type t on a unit at once, all or none, until the next boot or for good.
func (s *Systemd) SetProperties(ctx context.Context, unit string, runtime bool, properties map[string]uint64) error {
	var list []systemd.Property
	for name, value := range properties {
		list = append(list, systemd.Property{Name: name, Value: dbus.MakeVariant(value)})
	}
	ctx, stop := within(ctx, changeTime)
	defer stop()
	if err := s.conn.SetUnitPropertiesContext(ctx, unit, runtime, list...); err != nil {
		return fmt.Errorf("set %s over D-Bus: %w", unit, late(ctx, err))
	}
	return nil
}

// Reload makes systemd read its unit files again.
func (s *Systemd) Reload(ctx context.Context) error {
	ctx, stop := within(ctx, changeTime)
	defer stop()
	if err := s.conn.ReloadContext(ctx); err != nil {
		return fmt.Errorf("reload systemd over D-Bus: %w", late(ctx, err))
	}
	return nil
}
