package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	mathrand "math/rand/v2"

	"github.com/spf13/cobra"

	"spafleet/device/profile"
	"spafleet/host"
)

func profileCommand(s streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "profile",
		Short: "Make, open and check profile files",
		Long: `Makes, opens and checks profile files. IN and OUT are files; - is the standard input
or output. OUT is written completely or not at all.`,
		Example: `  spafleet profile encrypt phone.xml phone.cfg --key 0123abcd --gzip
  spafleet profile show phone.cfg --key 0123abcd --model SPA942
  spafleet profile lint phones --model SPA942
  spafleet profile compile phone.txt 000e08012345.cfg --target 000e08012345`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(compileCommand(s), encryptCommand(s), decryptCommand(s), profileShowCommand(s), profileLintCommand(s))
	return c
}

func encryptCommand(s streams) *cobra.Command {
	var key string
	var seed uint64
	var gzip bool
	c := &cobra.Command{
		Use:   "encrypt IN [OUT]",
		Short: "Encrypt a profile for a rule with --key",
		Long: `Encrypts a file as 'openssl enc -aes-256-cbc -md md5 -k KEY' does. A device with
[--key KEY] in its Profile_Rule opens it. Use --gzip here and do not compress the
result: a device first decrypts, then unpacks.`,
		Example: `  spafleet profile encrypt phone.xml phone.cfg --key 0123abcd
  spafleet profile encrypt phone.xml --key 0123abcd --gzip > phone.cfg`,
		Args: inOut,
	}
	c.Flags().StringVar(&key, "key", "", "`KEY` in the device's rule; hexadecimal digits are a pass phrase like any other")
	c.Flags().BoolVar(&gzip, "gzip", false, "compress before encrypting")
	addSeed(c, &seed)
	c.RunE = func(c *cobra.Command, args []string) error {
		if key == "" {
			return fmt.Errorf("profile encrypt needs --key, the key in the device's rule")
		}
		plain, err := readInput(s, args[0])
		if err != nil {
			return err
		}
		if hint := profile.Describe(plain).Hint; hint != "" {
			fmt.Fprintf(s.err, "note: %s: %s\n", args[0], hint)
		}
		if gzip {
			plain = profile.Gzip(plain)
		}
		var salt [8]byte
		if _, err := io.ReadFull(chance(c, seed), salt[:]); err != nil {
			return fmt.Errorf("draw salt: %w", err)
		}
		return writeOutput(s, outOf(args), profile.Encrypt(plain, key, salt))
	}
	return c
}

func decryptCommand(s streams) *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "decrypt IN [OUT]",
		Short: "Decrypt a profile with its key",
		Long: `Decrypts a file as a device with [--key KEY] in its rule does. The result may be
compressed. If the key does not open the file, the exit code is 3, and the output
names the mistake if it is a common one.`,
		Example: `  spafleet profile decrypt phone.cfg phone.xml --key 0123abcd
  spafleet profile decrypt phone.cfg.gz.enc --key 0123abcd | gzip -d`,
		Args: inOut,
	}
	c.Flags().StringVar(&key, "key", "", "`KEY` in the device's rule")
	c.RunE = func(_ *cobra.Command, args []string) error {
		if key == "" {
			return fmt.Errorf("profile decrypt needs --key, the key in the device's rule")
		}
		body, err := readInput(s, args[0])
		if err != nil {
			return err
		}
		plain, err := profile.Decrypt(body, key)
		if err != nil {
			fmt.Fprintf(s.err, "spafleet: decrypt %s: %s\n", args[0], err)
			return exitWith(exitFailed)
		}
		// One wrong key in 256 opens a file, to noise.
		if d := profile.Describe(plain); d.Format == profile.FormatUnknown {
			fmt.Fprintf(s.err, "note: the result is not a profile; the key may be wrong\n")
		}
		return writeOutput(s, outOf(args), plain)
	}
	return c
}

// inOut takes IN and maybe OUT.
func inOut(c *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("profile %s takes IN and optionally OUT, not %d arguments; - is the standard input or output", c.Name(), len(args))
	}
	return nil
}

func outOf(args []string) string {
	if len(args) == 2 {
		return args[1]
	}
	return "-"
}

func addSeed(c *cobra.Command, seed *uint64) {
	c.Flags().Uint64Var(seed, "seed", 0, "make salt and IV from this `NUMBER`: the same bytes each time, for tests only")
}

// chance is where salts come from: the system, unless a seed was given.
func chance(c *cobra.Command, seed uint64) io.Reader {
	if !c.Flags().Changed("seed") {
		return rand.Reader
	}
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return mathrand.NewChaCha8(key)
}

// writeOutput writes a result whole or not at all.
func writeOutput(s streams, name string, data []byte) error {
	if name != "-" {
		return host.WriteFile(name, data, 0o666)
	}
	if _, terminal := host.Terminal(s.out); terminal && profile.Describe(data).Format != profile.FormatXML {
		return fmt.Errorf("the result is binary and the output is a terminal; give a file as OUT")
	}
	_, err := s.out.Write(data)
	return err
}

// writeText is writeOutput for what a terminal shows.
func writeText(s streams, name string, data []byte) error {
	if name != "-" {
		return writeOutput(s, name, data)
	}
	_, err := s.out.Write(data)
	return err
}
