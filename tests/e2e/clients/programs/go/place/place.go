// Package place is what the programs of this folder share: they are called `PROGRAM PLACE.json STEP`, a step is register,
// issue, rollover, renew, revoke or deactivate, and what must outlive it is in the folder of the place.
package place

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
)

// Place is where the client works.
type Place struct {
	Folder, Directory, Root, Email, Host string
	Port                                 int
	EAB                                  []string // key id and MAC key, or empty
}

// Run does the step that the command line names.
func Run(steps map[string]func(*Place) error) {
	p := &Place{}
	err := fmt.Errorf("usage: %s PLACE.json STEP", os.Args[0])
	if len(os.Args) == 3 && steps[os.Args[2]] != nil {
		var text []byte
		if text, err = os.ReadFile(os.Args[1]); err == nil {
			if err = json.Unmarshal(text, p); err == nil {
				err = steps[os.Args[2]](p)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Write makes a file in the folder.
func (p *Place) Write(name string, text []byte) error {
	return os.WriteFile(filepath.Join(p.Folder, name), text, 0o600)
}

// Read answers what Write wrote.
func (p *Place) Read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(p.Folder, name))
}

// HTTP is a client that trusts the gateway's root alone.
func (p *Place) HTTP() (*http.Client, error) {
	text, err := os.ReadFile(p.Root)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}, nil
}

// NewKey makes a key; SaveKey keeps it.
func NewKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// SaveKey keeps a key under a name.
func (p *Place) SaveKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return p.Write(name, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

// Key answers the key of that name, which is made if there is none.
func (p *Place) Key(name string) (crypto.Signer, error) {
	text, err := p.Read(name)
	if os.IsNotExist(err) {
		key, err := NewKey()
		if err != nil {
			return nil, err
		}
		return key, p.SaveKey(name, key)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is no PEM file", name)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

// Leaf answers the certificate that was issued last.
func (p *Place) Leaf() (*x509.Certificate, error) {
	text, err := p.Read("chain.pem")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("chain.pem is no PEM file")
	}
	return x509.ParseCertificate(block.Bytes)
}
