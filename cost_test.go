package sshforward

import (
	"math"
	"testing"
	"time"
)

func TestCost(t *testing.T) {
	for _, tt := range []struct {
		region string
		d      time.Duration
		want   float64
	}{
		{"us-east-1", 0, 0},
		{"us-east-1", time.Second, 0.025 + 0.005/3600},
		{"us-east-1", time.Hour, 0.030},
		{"us-east-1", time.Hour + time.Second, 2*0.025 + 0.005*3601/3600},
		{"us-east-1", 8 * time.Hour, 0.24},
		{"ap-northeast-1", 2 * time.Hour, 0.064},
		{"us-west-1", time.Hour, 0.033},
		{"eu-west-2", 3 * time.Hour, 3*0.0294 + 0.015},
		{"mars-north-1", time.Hour, 0.039}, // as the dearest known one
	} {
		if got := DefaultPrices().Cost(tt.region, tt.d); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s in %s: got %v, want %v", tt.d, tt.region, got, tt.want)
		}
	}
	if got := (Prices{}).Cost("us-east-1", time.Hour); got != 0 {
		t.Errorf("without prices: got %v", got)
	}
}
